"""Checks an operator's arguments, as written and as rendered. Pure and light: DAG files load it at every parse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from airflow_provider_bitrix24.client.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    import jinja2

OnUnmoved = Literal["ignore", "warn", "skip", "fail"]
"""What a task makes of entities that were fired and did not move."""


class PlainArguments:
    """Lets an operator, a sensor or a notifier take its arguments as people write them; a base before Airflow's.

    - Members of enumerations become their values as soon as they are assigned: Airflow would render and serialize
      ``Code.EXEC`` as the text "Code.EXEC".
    - Text arguments are rendered as texts, although the DAG has ``render_template_as_native_obj``.
    - A literal that can never become valid is refused while the DAG is parsed.
    """

    text_arguments: ClassVar[frozenset[str]] = frozenset(
        ("entity_type", "code", "expected_stage", "fail_on", "preview", "bitrix24_conn_id", "verify_conn_id")
    )
    """Arguments that are rendered as texts."""
    plain_arguments: ClassVar[frozenset[str]] = text_arguments.union(
        ("target", "filter", "updates", "on_unmoved", "on_excess", "on_failed", "require")
    )
    """Arguments that are turned into plain values when they are assigned."""
    _optional: ClassVar[frozenset[str]] = frozenset(("entity_type", "code", "expected_stage", "fail_on"))
    """Arguments that may be left out, so that nothing must not count as a text."""
    _collections: ClassVar[frozenset[str]] = frozenset(("expected_stage", "fail_on", "filter", "updates"))
    """Arguments that a template may give as a whole list or dict."""
    _rendering = False
    """Whether an argument is being rendered whose texts stay texts."""

    def __init__(self, **kwargs: Any) -> None:
        # Airflow takes the defaults of a mapped task from the first constructor below an operator's; without this one
        # it would take those of BaseOperator as the operator's own, and None as its inlets.
        super().__init__(**kwargs)

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.plain_arguments:
            from airflow_provider_bitrix24.client.plain import unwrapped

            value = unwrapped(value)
        super().__setattr__(name, value)

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Any,
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        """Airflow calls this to render all fields of ``parent``, this object or one inside a field of it."""
        render = super()._do_render_template_fields  # type: ignore[misc]  # an operator's base class has it
        for name in template_fields:
            keeps_texts = parent is self and (name in self.text_arguments or name in self._collections)
            if not keeps_texts:
                render(parent, (name,), context, jinja_env, seen_oids)
                continue
            written = getattr(self, name)
            self._rendering = True
            try:
                render(parent, (name,), context, jinja_env, seen_oids)
            finally:
                self._rendering = False
            setattr(self, name, self._as_argument(name, written, getattr(self, name), native=_is_native(jinja_env)))

    def _as_argument(self, name: str, written: object, rendered: Any, *, native: bool) -> Any:
        """What was rendered, as the argument takes it."""
        if name in self._optional and isinstance(rendered, str) and rendered == "None" and written != "None":
            return None  # which a template writes as a text where an earlier task has delivered nothing
        if not native or not isinstance(written, str | list | tuple):
            return rendered
        from airflow_provider_bitrix24._tasks.text_rendering import as_text, read_collection

        if isinstance(written, str) and isinstance(rendered, str) and name in self._collections:
            rendered = read_collection(rendered)
        return as_text(rendered) if name in self.text_arguments else rendered

    def _render(self, template: jinja2.Template, context: Mapping[str, Any], dag: Any = None) -> Any:
        """Airflow calls this to render one text."""
        if not self._rendering:
            return super()._render(template, context, dag)  # type: ignore[misc]  # an operator's base class has it
        from airflow_provider_bitrix24._tasks.text_rendering import render_as_text

        return render_as_text(template, context)


def _is_native(environment: jinja2.Environment) -> bool:
    from jinja2.nativetypes import NativeEnvironment

    return isinstance(environment, NativeEnvironment)


class ArgumentsOf:
    """Names whose arguments are wrong. Airflow shows an error of a DAG file with the path of that file alone.

    :param owner: such as ``Task 'move'``.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner

    def __enter__(self) -> None:
        """Nothing begins."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Raise the error with its owner in front."""
        if isinstance(error, ConfigurationError):
            named = ConfigurationError(f"{self._owner}: {error.message}", hint=error.hint)
            raise named.with_traceback(error.__traceback__) from None


def check_literals(owner: object, *, target: object, code: object = None) -> None:
    """Refuse literals that can never become valid: what Bitrix24 shows to be filled in, and URLs.

    :param owner: the operator, whose DAG may have a macro of its own that is called ``ID``.
    :raises ConfigurationError: the message does not repeat a URL, which may hold a webhook's secret.
    """
    texts = target if isinstance(target, list | tuple) else (target,)
    if not any(isinstance(text, str) and ("/" in text or "{{" in text) for text in (*texts, code)):
        return
    from airflow_provider_bitrix24._tasks.literals import check_literal_code, check_literal_target

    find_dag = getattr(owner, "get_dag", None)
    macros = getattr(find_dag() if find_dag else None, "user_defined_macros", None) or ()
    check_literal_code(code)
    for text in texts:
        check_literal_target(text, macros)


def plain_seconds(value: Any) -> Any:
    """A ``timedelta`` as its seconds, and what Airflow wraps without that; everything else, also wrong, as it is."""
    from airflow_provider_bitrix24.client.plain import plain_argument

    return plain_argument(value)


def check_options(
    *,
    expects: bool,
    or_later: bool = False,
    fails_on: bool = False,
    on_unmoved: str | None,
    verify: bool,
    wait_timeout: float | timedelta | None,
    poke_interval: float | timedelta,
    deferrable: bool = False,
    durable: bool = True,
) -> None:
    """Refuse arguments that are wrong or contradict each other.

    :param expects: whether ``expected_stage`` is given.
    :param fails_on: whether ``fail_on`` is given.
    :param wait_timeout: seconds, or a ``timedelta``.
    :param poke_interval: seconds, or a ``timedelta``.
    :raises ConfigurationError: the message names the argument.
    """
    from airflow_provider_bitrix24.client.combinations import check_bool, check_choice, check_or_later, check_verify
    from airflow_provider_bitrix24.client.number_range import SECONDS, SECONDS_ABOVE_ZERO
    from airflow_provider_bitrix24.client.plain import plain_argument

    on_unmoved, wait_timeout, poke_interval = map(plain_argument, (on_unmoved, wait_timeout, poke_interval))
    if on_unmoved is not None:
        check_choice("on_unmoved", on_unmoved, get_args(OnUnmoved))
    if wait_timeout is not None:
        SECONDS.check("wait_timeout", wait_timeout)
    SECONDS_ABOVE_ZERO.check("poke_interval", poke_interval)
    if wait_timeout is not None and not expects:
        raise ConfigurationError(
            "wait_timeout is given without expected_stage.",
            hint="Pass expected_stage, or leave wait_timeout out.",
        )
    check_or_later(or_later=or_later, expects=expects)
    for name, value in (("verify", verify), ("deferrable", deferrable), ("durable", durable)):
        check_bool(name, value)
    check_verify(
        verify=verify, expects=expects, fails_on=fails_on, on_unmoved=on_unmoved, waits=wait_timeout is not None
    )


def check_rendered(name: str, *, given: bool, rendered: object) -> None:
    """Refuse an argument that was given but rendered to nothing. It must not count as left out.

    :param rendered: what its template or its upstream task produced.
    :raises ConfigurationError: the message names the argument.
    """
    if given and (rendered is None or (isinstance(rendered, str) and not rendered.strip())):
        raise ConfigurationError(
            f"{name} is {rendered!r}: its template or the task that it comes from gave nothing.",
            hint=f"Correct that, or leave {name} out.",
        )
