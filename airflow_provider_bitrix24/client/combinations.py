"""Values that arguments may have, and arguments that go together. Pure and light: DAG files load it at every parse.

The client and the tasks above it refuse the same with the same sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_bool(name: str, value: object) -> None:
    """Refuse texts such as ``"False"``, which would count as true.

    :raises ConfigurationError: the message names the argument.
    """
    if not isinstance(value, bool):
        from airflow_provider_bitrix24.client.plain import quoted

        raise ConfigurationError(f"{name} is {quoted(value)}.", hint="Pass True or False.")


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a value that is not one of the choices.

    :raises ConfigurationError: the message names the argument.
    """
    if value not in choices:
        from airflow_provider_bitrix24.client.plain import quoted

        raise ConfigurationError(f"{name} is {quoted(value)}.", hint=f"Use one of {', '.join(choices)}.")


def check_or_later(*, or_later: object, expects: bool) -> None:
    """Refuse ``or_later`` without the stages that it is about.

    :param expects: whether ``expected_stage`` is given.
    :raises ConfigurationError: the message names the argument.
    """
    check_bool("or_later", or_later)
    if or_later and not expects:
        raise ConfigurationError("or_later is given without expected_stage.", hint="Pass expected_stage as well.")


def check_verify(
    *, verify: bool, expects: bool, fails_on: bool = False, on_unmoved: str | None = None, waits: bool = False
) -> None:
    """Refuse what needs a reading where ``verify`` is off.

    :param expects: whether ``expected_stage`` is given.
    :param fails_on: whether ``fail_on`` is given.
    :param waits: whether ``wait_timeout`` is given.
    :raises ConfigurationError: the message names the arguments.
    """
    needs_reading = {
        "expected_stage": expects,
        "fail_on": fails_on,
        "wait_timeout": waits,
        f"on_unmoved={on_unmoved!r}": on_unmoved not in (None, "ignore"),
    }
    given = [name for name, is_given in needs_reading.items() if is_given]
    if given and not verify:
        raise ConfigurationError(
            f"verify=False reads nothing, so {' and '.join(given)} cannot work.",
            hint="Leave out one of them.",
        )
