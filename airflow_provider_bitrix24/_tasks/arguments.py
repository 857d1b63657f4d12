"""Checks an operator's arguments, as written and as rendered. Pure and light: DAG files load it at every parse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from airflow_provider_bitrix24.client.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

OnUnmoved = Literal["ignore", "warn", "skip", "fail"]
"""What a task makes of entities that were fired and did not move."""


def check_options(
    *,
    expects: bool,
    or_later: bool = False,
    fails_on: bool = False,
    on_unmoved: str | None,
    verify: bool,
    wait_timeout: float | None,
    poke_interval: float,
) -> None:
    """Refuse arguments that are wrong or contradict each other.

    :param expects: whether ``expected_stage`` is given.
    :param fails_on: whether ``fail_on`` is given.
    :param wait_timeout: seconds.
    :param poke_interval: seconds.
    :raises ConfigurationError: the message names the argument.
    """
    from airflow_provider_bitrix24.client.number_range import SECONDS, SECONDS_ABOVE_ZERO

    if on_unmoved is not None and on_unmoved not in get_args(OnUnmoved):
        known = ", ".join(get_args(OnUnmoved))
        raise ConfigurationError(f"on_unmoved is {on_unmoved!r}.", hint=f"Use one of {known}.")
    if wait_timeout is not None:
        SECONDS.check("wait_timeout", wait_timeout)
    SECONDS_ABOVE_ZERO.check("poke_interval", poke_interval)
    if wait_timeout is not None and not expects:
        raise ConfigurationError(
            "wait_timeout is given without expected_stage.", hint="Say in expected_stage what to wait for."
        )
    check_bool("or_later", or_later)
    if or_later and not expects:
        raise ConfigurationError("or_later is given without expected_stage.", hint="Pass expected_stage as well.")
    if not verify:
        _check_unverified(expects=expects, fails_on=fails_on, on_unmoved=on_unmoved, waits=wait_timeout is not None)


def check_bool(name: str, value: object) -> None:
    """Refuse texts such as ``"False"``, which would count as true.

    :raises ConfigurationError: the message names the argument.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} is {value!r}.", hint="Pass True or False.")


def _check_unverified(*, expects: bool, fails_on: bool, on_unmoved: str | None, waits: bool) -> None:
    needs_reading = {
        "expected_stage": expects,
        "fail_on": fails_on,
        "wait_timeout": waits,
        f"on_unmoved={on_unmoved!r}": on_unmoved not in (None, "ignore"),
    }
    given = [name for name, is_given in needs_reading.items() if is_given]
    if given:
        raise ConfigurationError(
            f"verify=False reads nothing, so {' and '.join(given)} cannot be had.",
            hint="Leave out verify=False, or the other.",
        )


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a value that is not one of the choices.

    :raises ConfigurationError: the message names the argument.
    """
    if value not in choices:
        raise ConfigurationError(f"{name} is {value!r}.", hint=f"Use one of {', '.join(choices)}.")


def check_rendered(name: str, *, given: bool, rendered: object) -> None:
    """Refuse an argument that was given but rendered to nothing. It must not count as left out.

    :param rendered: what its template or its upstream task produced.
    :raises ConfigurationError: the message names the argument.
    """
    if given and (rendered is None or rendered == "" or (isinstance(rendered, str) and not rendered.strip())):
        raise ConfigurationError(
            f"{name} is {rendered!r}: its template or the task that it comes from gave nothing.",
            hint=f"Correct that, or leave {name} out.",
        )
