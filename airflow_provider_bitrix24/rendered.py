"""Arguments after their templates were rendered: what was given must not turn out to hold nothing. Pure."""

from __future__ import annotations

from airflow_provider_bitrix24.client.errors import ConfigurationError


def check_rendered(name: str, *, given: bool, rendered: object) -> None:
    """Refuse an argument that was given and turned out to hold nothing: it must not count as left out.

    :param rendered: what its template or its upstream task made of it.
    :raises ConfigurationError: the message names the argument.
    """
    if given and (rendered is None or rendered == "" or (isinstance(rendered, str) and not rendered.strip())):
        raise ConfigurationError(
            f"{name} is {rendered!r}: its template or the task that it comes from gave nothing.",
            hint=f"Correct that, or leave {name} out.",
        )
