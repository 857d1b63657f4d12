"""Reads an Airflow connection of type ``bitrix24``: the portal, the settings and the default code.

Checks what people type, paste or put into an environment variable; every message says what is wrong and what to do.
:mod:`.connection_form` declares what the form shows. The hook looks a connection up and masks its secrets.

A connection can name the portal in these ways (``SECRET`` is the webhook's secret):

* Host ``example.bitrix24.com``, Login ``1``, Password ``SECRET``;
* Password holds the webhook's URL as Bitrix24 shows it; Host and Login are empty;
* as a URI, ``bitrix24://1:SECRET@example.bitrix24.com``;
* an OAuth application: Host as above, Login is its id, Password its secret, and ``auth_method`` in Extra is ``oauth``;
* a simulator on this machine: Host ``http://127.0.0.1:8024``, or as a URI
  ``bitrix24://1:SECRET@127.0.0.1:8024/http`` (Airflow calls the last part the schema).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.plain import quoted
from airflow_provider_bitrix24.client.portal import (
    PastedWebhook,
    Portal,
    address_host,
    is_loopback,
    looks_like_webhook_url,
    parse_webhook_url,
    without_wrapping,
)
from airflow_provider_bitrix24.client.settings import ClientSettings
from airflow_provider_bitrix24.connection_extras import check_proxy, parse_extra, read_extra, shown_value
from airflow_provider_bitrix24.connection_form import EXTRA_FIELDS
from airflow_provider_bitrix24.shared_store import shared_store_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from airflow_provider_bitrix24.client.stores.protocol import SharedStore

_NOT_A_WEBHOOK = (
    "Password holds a URL, but not that of a webhook, which has /rest/ in it. Paste the webhook's whole URL, such as "
    "https://example.bitrix24.com/rest/1/SECRET/, or put the address into Host."
)
URL_IN_HOST = (
    "The webhook's URL stands in Host, which Airflow stores and shows in clear. Move it to Password and "
    "renew the webhook in Bitrix24, since others may have read it."
)
_PASSWORD_IN_URL, _PASSWORD_IN_JSON = re.compile(r"://[^/\s]*?:([^/\s]+)@"), re.compile(r"://[^/\s\"]*?:([^/\s\"]+)@")
_SECRET_IN_PATH = re.compile(r"/rest/(?:api/)?[^/\s]+/([^/?#\s\"'<>`]+)")


class AirflowConnection(Protocol):
    """The part of Airflow's connection that is read. Its class differs from version to version."""

    @property
    def host(self) -> str | None: ...  # noqa: D102 - named as in its form
    @property
    def login(self) -> str | None: ...  # noqa: D102 - named as in its form
    @property
    def password(self) -> str | None: ...  # noqa: D102 - named as in its form
    @property
    def port(self) -> int | None: ...  # noqa: D102 - named as in its form
    @property
    def schema(self) -> str | None: ...  # noqa: D102 - named as in its form
    @property
    def extra(self) -> str | Mapping[str, Any] | None: ...  # noqa: D102 - named as in its form


@dataclass(frozen=True, slots=True, kw_only=True)
class Bitrix24Connection:
    """A connection that was read and checked.

    :param portal: the portal and the webhook.
    :param settings: limits, time-outs, TLS.
    :param default_code: the trigger code of tasks that do not name one.
    :param warnings: what a person should change, although it works.
    """

    portal: Portal
    settings: ClientSettings
    default_code: str | None
    warnings: tuple[str, ...] = ()


def secrets_of(connection: AirflowConnection) -> list[str]:
    """Return every text of a connection that must not be shown, even if the connection is wrong.

    Airflow masks the password as it is stored, which misses a secret inside a pasted URL or percent-encoded in the URL
    of a request.
    """
    password = (connection.password or "").strip()
    found = [each for each in dict.fromkeys((password, without_wrapping(password))) if each]
    for text in (password, connection.host or "", f"/{connection.schema or ''}"):
        found += _SECRET_IN_PATH.findall(text)
    found += _passwords_in(connection.extra)
    forms = [
        form for text in found for form in (text, unquote(text), quote(unquote(text), safe="", errors="surrogatepass"))
    ]
    return list(dict.fromkeys(forms))


def _passwords_in(extra: str | Mapping[str, Any] | None) -> Iterator[str]:
    """The passwords of URLs, as they are stored and as they are used: JSON writes some characters otherwise."""
    yield from _PASSWORD_IN_JSON.findall(str(extra or ""))
    try:
        read = parse_extra(extra)
    except ConfigurationError:
        return
    for value in read.values():
        yield from _PASSWORD_IN_URL.findall(value) if isinstance(value, str) else ()


def read_connection(
    connection: AirflowConnection,
    *,
    conn_id: str = "CONN_ID",
    mask: Callable[[tuple[str, ...]], None] | None = None,
    shared_store: SharedStore | None = None,
) -> Bitrix24Connection:
    """Read a connection.

    :param conn_id: the connection's id, for advice.
    :param mask: is given the tokens of an application, to keep them out of logs.
    :param shared_store: what hosts share, where an application's tokens may be kept.
    :raises ConfigurationError: something is missing, malformed or contradicts itself.
    """
    extra = parse_extra(connection.extra)
    application = read_extra("auth_method", EXTRA_FIELDS["auth_method"], extra.get("auth_method")) == "oauth"
    pasted, warnings = (None, []) if application else _find_webhook(connection, extra)
    unknown = sorted(set(extra) - set(EXTRA_FIELDS))
    if unknown:
        warnings.append(
            f"Ignored unknown names in the connection's extra: {', '.join(unknown)}. {_known_instead(unknown)}"
        )
    values = {name: read_extra(name, field, extra.get(name)) for name, field in EXTRA_FIELDS.items()}
    values.pop("auth_method")
    of_tokens = {name: values.pop(name) for name in ("token_store", "oauth_server", "token_key")}
    default_code = values.pop("default_code") or (pasted.code if pasted else None)
    check_proxy(values["proxy"])
    values["shared_store_directory"] = shared_store_directory()
    settings = ClientSettings(**{name: value for name, value in values.items() if value is not None})
    portal = (
        pasted.portal
        if pasted
        else _application(connection, of_tokens, conn_id=conn_id, mask=mask, shared_store=shared_store)
    )
    return Bitrix24Connection(portal=portal, settings=settings, default_code=default_code, warnings=tuple(warnings))


def _known_instead(unknown: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = [get_close_matches(name, EXTRA_FIELDS, n=2) for name in unknown]
    if all(near):
        return f"Did you mean {' or '.join(dict.fromkeys(each for names in near for each in names))}?"
    return f"Known are {', '.join(EXTRA_FIELDS)}."


def _application(
    connection: AirflowConnection,
    of_tokens: Mapping[str, str | None],
    *,
    conn_id: str,
    mask: Callable[[tuple[str, ...]], None] | None,
    shared_store: SharedStore | None,
) -> Portal:
    from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal, mask_nothing
    from airflow_provider_bitrix24.token_store import open_token_store, token_key

    address, client_id = _address(connection), (connection.login or "").strip()
    secret = (connection.password or "").strip()
    if looks_like_webhook_url(address):
        raise ConfigurationError(
            "The connection authenticates as an OAuth application, but Host holds the URL of a webhook.",
            hint="Write the portal's address only, such as example.bitrix24.com.",
        )
    key = of_tokens["token_key"] or token_key(address_host(address), client_id)
    return ApplicationPortal(
        base_url=address,
        user_id=client_id,
        secret=secret,
        token_store=open_token_store(
            of_tokens["token_store"] or "variable", key=key, secret=secret, shared_store=shared_store
        ),
        oauth_server=of_tokens["oauth_server"],
        advice=f"Authorize the application: python -m airflow_provider_bitrix24 authorize {conn_id}",
        mask=mask or mask_nothing,
    )


def _find_webhook(connection: AirflowConnection, extra: dict[str, Any]) -> tuple[PastedWebhook, list[str]]:
    password, login = without_wrapping(connection.password or ""), without_wrapping(connection.login or "")
    address = _address(connection)
    if looks_like_webhook_url(password):
        pasted = parse_webhook_url(password)
        _check_same(pasted.portal, "" if looks_like_webhook_url(address) else address, login, connection.port)
        return pasted, [URL_IN_HOST] if looks_like_webhook_url(address) else []
    if looks_like_webhook_url(address):
        pasted = parse_webhook_url(address)
        # The query of a URL in an environment variable arrives as extras.
        code = extra.pop("code", None) if looks_like_webhook_url(f"/{connection.schema}") else None
        if code is not None:
            extra.pop("target", None)
        return PastedWebhook(portal=pasted.portal, code=pasted.code or code), [URL_IN_HOST]
    if "://" in password and not address:
        raise ConfigurationError("The portal's address is missing.", hint=_NOT_A_WEBHOOK)
    return PastedWebhook(portal=Portal(base_url=address, user_id=login, secret=password), code=None), []


def _check_same(portal: Portal, address: str, login: str, port: int | None) -> None:
    if login and login != portal.user_id:
        owner = portal.user_id if portal.user_id.isdecimal() else "***"
        raise ConfigurationError(
            f"Login is {quoted(login)}, but the URL in Password belongs to user {owner}.",
            hint="Empty Login, or correct it.",
        )
    if not address:
        if port and port != portal.port:
            raise ConfigurationError(
                f"Port is {port}, but the URL in Password leads to port {portal.port}.",
                hint=f"Empty Port, or write {portal.port}.",
            )
        return
    named = Portal(base_url=address, user_id=portal.user_id, secret=portal.secret)
    if named.base_url != portal.base_url:
        raise ConfigurationError(
            f"Host is {named.base_url}, but the URL in Password belongs to {portal.base_url}.",
            hint="Empty Host, or correct it.",
        )


def _address(connection: AirflowConnection) -> str:
    """Return Host with the scheme and the port, which Airflow may store in fields of their own."""
    host, schema = without_wrapping(connection.host or ""), (connection.schema or "").strip()
    if not host:
        return ""
    path = ""
    if looks_like_webhook_url(f"/{schema}"):
        schema, path = "", f"/{schema}"
    if schema not in ("", "http", "https"):
        raise ConfigurationError(f"Schema is {shown_value(schema)}.", hint="Leave it empty, or write http or https.")
    if "://" not in host:
        if host.count(":") > 1 and not host.startswith("["):
            host = f"[{host}]"
        host = f"{schema or _scheme(connection, host)}://{host}"
    return _with_port(host, connection.port) + path


def _scheme(connection: AirflowConnection, host: str) -> str:
    """The scheme where none is named: of a URL in an environment variable, Airflow makes it the connection's type."""
    is_http = getattr(connection, "conn_type", None) == "http"
    return "http" if is_http and is_loopback(urlsplit(f"//{host}").hostname or "") else "https"


def _with_port(address: str, port: int | None) -> str:
    if not port:
        return address
    try:
        parts = urlsplit(address)
        named = parts.port
    except ValueError:
        return address  # the address is checked as a whole later, with its own message
    if named is None:
        return parts._replace(netloc=f"{parts.netloc}:{port}").geturl()
    if named != port:
        raise ConfigurationError(f"Host names port {named} and Port is {port}.", hint="Empty Port.")
    return address
