"""URIs of the scheme ``bitrix24``: ``bitrix24://example.bitrix24.com/DEAL/C5:WON``, the deals of a portal at a stage.

Airflow calls :func:`sanitize_uri` for every asset of this scheme while it reads DAG files, so little is imported.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.entity_ref import EntityRef, parse_text

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from airflow_provider_bitrix24.compat import Asset

__all__ = ["create_asset", "sanitize_uri"]

_FORM = (
    "URI format bitrix24:// must be bitrix24://PORTAL/TYPE, /TYPE/STAGE or /TARGET, such as /DEAL/C5:WON or /DEAL_57"
)
_STAGE = re.compile(r"[A-Za-z0-9_:%.-]{1,100}")


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Normalize a URI: the host in lower case and without the port 443, types and targets in their canonical form.

    :raises ValueError: it is not of the form. The message does not repeat it, since it may be a webhook's URL.
    """
    if uri.username is not None or uri.query:
        raise ValueError(_FORM)
    who, *stage = [part for part in uri.path.split("/") if part] or [""]
    if len(stage) > 1 or not all(map(_STAGE.fullmatch, stage)):
        raise ValueError(_FORM)
    name = _canonical(who, with_stage=bool(stage))
    return uri._replace(scheme="bitrix24", netloc=_host(uri), path="/".join(("", name, *stage)), fragment="")


def create_asset(
    *, host: str, entity_type: str, stage: str | None = None, extra: dict[str, Any] | None = None
) -> Asset:
    """Make the asset of a portal's entities of one type, perhaps at one stage.

    :param host: of the portal, such as ``example.bitrix24.com``.
    :param entity_type: such as ``DEAL`` or ``DYNAMIC_177``.
    :param stage: stage id, such as ``C5:WON``.
    """
    from airflow_provider_bitrix24.compat import Asset

    path = entity_type if stage is None else f"{entity_type}/{stage}"
    return Asset(uri=f"bitrix24://{host}/{path}", extra=extra)


def _host(uri: SplitResult) -> str:
    try:
        host, port = uri.hostname, uri.port
    except ValueError:
        raise ValueError(_FORM) from None  # its text repeats what stands in place of the port
    if not host:
        raise ValueError(_FORM)
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, 443) else f"{host}:{port}"


def _canonical(who: str, *, with_stage: bool) -> str:
    as_type = parse_text(f"{who}_1")
    if isinstance(as_type, EntityRef):
        return as_type.type_name
    as_target = parse_text(who)
    if isinstance(as_target, EntityRef) and not with_stage:
        return str(as_target)
    raise ValueError(_FORM)
