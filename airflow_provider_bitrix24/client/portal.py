"""A portal's address and credential, also as read from the URL that Bitrix24 shows.

The secret is part of every URL, so ``repr`` and ``str`` never show it, and the full URL is built only when a request
is sent. Limits and time-outs are in :mod:`.settings`.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.secret_text import HIDDEN, LIVE_SECRETS, SHORTEST, SecretText, forms_of

# REST 3.0 has "api" before the user's number.
_WEBHOOK_PATH = re.compile(r"^(?P<root>.*?)/rest/(?:api/(?=[0-9]+/[^/]))?(?P<user>[^/]+)/(?P<secret>[^/]+)(?:/.*)?$")
_ROOT = re.compile(r"[A-Za-z0-9/_.~%+-]*")
"""The path below which a self-hosted portal may be installed."""
_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"^(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*$")
_WRAPPING = " \t\r\n\f\v\xa0\ufeff\u200b\u2060\"'`<>\u201c\u201d\u201e\u2018\u2019\xab\xbb"
"""What is copied along with a text from a page, a file or a letter."""
_COMMAND = re.compile(r"^(?:\$\s+)?curl(?:\.exe)?\s", re.IGNORECASE)
_URL_IN_COMMAND = re.compile(r"https?://[^\s'\"<>`\\]+/rest/[^\s'\"<>`\\]+", re.IGNORECASE)
DEFAULT_PORTS = {"https": 443, "http": 80}
_URL_HINT = "Paste the webhook's URL as Bitrix24 shows it, such as https://example.bitrix24.com/rest/1/SECRET/."


@dataclass(frozen=True, slots=True, kw_only=True)
class Portal:
    """One portal with one webhook.

    :param base_url: scheme, host and, on some self-hosted portals, a path; no trailing slash, no credential.
    :param user_id: number (or login) of the user that the webhook acts as.
    :param secret: the webhook's secret.
    :param name: by what a person knows this credential, such as the id of a connection; errors name it.
    :raises ConfigurationError: the address is not https (loopback excepted), or a part is missing.
    """

    base_url: str
    user_id: str
    secret: str = field(repr=False)
    name: str = field(default="", compare=False)

    _missing: ClassVar[dict[str, tuple[str, str]]] = {
        "user_id": ("The webhook's user id is missing.", "Put it into Login; it is the number after /rest/."),
        "secret": ("The webhook's secret is missing.", "Put it, or the whole webhook URL, into Password."),
    }
    """Field -> message and advice where it is empty."""
    _shown_user_id: ClassVar[re.Pattern[str]] = re.compile(r"[0-9]{1,12}")
    """Of a URL without the user's number, the secret stands in its place, so nothing else is shown."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", _checked_base_url(self.base_url))
        for name, (problem, advice) in self._missing.items():
            value = SecretText(getattr(self, name).strip())
            if not value:
                raise ConfigurationError(problem, hint=advice)
            if any("\ud800" <= each <= "\udfff" for each in value):
                # Encoding it would raise an error whose text repeats the value.
                raise ConfigurationError(
                    f"{problem.partition(' is ')[0]} contains an unpaired surrogate and cannot be encoded as UTF-8.",
                    hint=advice,
                )
            if value in (".", ".."):
                # A step of a path: the secret would become part of another path.
                raise ConfigurationError(f"{problem.partition(' is ')[0]} is made of dots only.", hint=advice)
            self._check_part(name.replace("_", " "), value)
            is_shown = name == "user_id" and self._shown_user_id.fullmatch(value)
            object.__setattr__(self, name, str(value) if is_shown else value)
        LIVE_SECRETS.add(self.secret)

    @staticmethod
    def _check_part(name: str, value: str) -> None:
        if re.search(r"[\s/?#]", value):
            raise ConfigurationError(f"The webhook's {name} holds a blank or one of / ? #.", hint=_URL_HINT)

    @property
    def host(self) -> str:
        """Host name, with the port where the URL has one."""
        return urlsplit(self.base_url).netloc

    @property
    def port(self) -> int:
        """Port on which the portal listens."""
        parts = urlsplit(self.base_url)
        return parts.port or DEFAULT_PORTS[parts.scheme]

    @property
    def credential_id(self) -> str:
        """A short text that is the same for the same credential and does not give it away."""
        return hashlib.sha256(f"{self.base_url}\n{self.user_id}\n{self.secret}".encode()).hexdigest()[:16]

    def method_url(self, method: str) -> str:
        """URL of a REST method. It holds the secret: build it late and never show it."""
        LIVE_SECRETS.add(self.secret)
        user, secret = quote(self.user_id, safe=""), quote(self.secret, safe="")
        return SecretText(f"{self.base_url}/rest/{user}/{secret}/{method}")

    def page_url(self, path: str) -> str:
        """URL of a page of the portal, without any credential."""
        return f"{self.base_url}{path}"

    def redact(self, text: str) -> str:
        """Text with the secret, raw or percent-encoded, replaced by ``***``."""
        if len(self.secret) < SHORTEST:
            return text
        for form in sorted(forms_of(self.secret), key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return text

    def __str__(self) -> str:
        return self.base_url


@dataclass(frozen=True, slots=True, kw_only=True)
class PastedWebhook:
    """The contents of a pasted webhook URL: the portal, and the trigger's code if the URL has one."""

    portal: Portal
    code: str | None


def address_host(address: str) -> str:
    """Host name of a portal's address, with the port where it has one.

    :raises ConfigurationError: it is not the address of a portal.
    """
    return urlsplit(_checked_base_url(address)).netloc


def without_wrapping(text: str) -> str:
    """A text without blanks, quotes, angle brackets and byte order marks around it; of a curl command, the URL.

    >>> without_wrapping(" <https://example.bitrix24.com/rest/1/SECRET/> ")
    'https://example.bitrix24.com/rest/1/SECRET/'
    """
    text = text.strip(_WRAPPING)
    if _COMMAND.match(text):
        found = _URL_IN_COMMAND.search(text.replace("^", ""))
        return text if found is None else found[0]
    return text


def looks_like_webhook_url(text: str) -> bool:
    """Whether the text has a webhook's path, well formed or not."""
    return "/rest/" in text


def check_no_url(name: str, value: object, *, hint: str) -> None:
    """Refuse a URL where a name is expected. It may hold a webhook's secret, so the message does not repeat it.

    :param name: of the argument, for the message.
    :raises ConfigurationError: it is a URL.
    """
    if isinstance(value, str) and ("://" in value or looks_like_webhook_url(f"/{value}")):
        raise ConfigurationError(f"{name} is a URL.", hint=hint)


def parse_webhook_url(url: str) -> PastedWebhook:
    """Split a webhook URL as Bitrix24 shows it.

    It reads both forms: ``https://HOST/rest/1/SECRET/`` and the automation trigger's
    ``https://HOST/rest/1/SECRET/crm.automation.trigger/?target=DEAL_{{ID}}&code=CODE``, also in quotes, in angle
    brackets or in a curl command.

    :raises ConfigurationError: it is not a webhook URL. The message never repeats what was pasted.
    """
    url = SecretText(url)
    try:
        return _parse(url)
    except ConfigurationError as error:
        # The frames below hold parts of the URL, which tracebacks with local variables would show.
        raise error.with_traceback(None) from None


def _parse(url: str) -> PastedWebhook:
    text = without_wrapping(url).replace("&amp;", "&")
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ConfigurationError("The webhook URL cannot be read.", hint=_URL_HINT) from None
    match = _WEBHOOK_PATH.match(parts.path)
    if match is None:
        raise ConfigurationError("This is not a webhook URL.", hint=_URL_HINT)
    codes = [code.strip(_WRAPPING) for code in parse_qs(parts.query).get("code", ())]
    portal = Portal(
        base_url=f"{parts.scheme}://{parts.netloc}{match['root']}",
        user_id=unquote(match["user"]),
        secret=unquote(match["secret"]),
    )
    return PastedWebhook(portal=portal, code=next(filter(None, codes), None))


def _checked_base_url(text: str) -> str:
    parts = _split_address(text.strip())
    if parts.scheme not in DEFAULT_PORTS:
        raise ConfigurationError(
            f"The portal's address begins with {parts.scheme}://."
            if parts.scheme
            else "The portal's address has no scheme.",
            hint="Begin it with https://, or with the host name.",
        )
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise ConfigurationError(
            "The portal's address holds more than a host.", hint="Use the form https://example.bitrix24.com."
        )
    if looks_like_webhook_url(f"{parts.path}/"):
        raise ConfigurationError(
            "The portal's address holds a webhook's path.", hint="Paste the webhook's URL into Password instead."
        )
    if not _ROOT.fullmatch(parts.path) or {".", ".."} & set(parts.path.split("/")):
        raise ConfigurationError(
            "The portal's address has a path that no portal has.", hint="Use the form https://example.bitrix24.com."
        )
    host, port = ascii_host(parts.hostname or ""), parts.port
    _check_host(host, scheme=parts.scheme)
    shown = f"[{host}]" if ":" in host else host
    own_port = f":{port}" if port and port != DEFAULT_PORTS[parts.scheme] else ""
    return f"{parts.scheme}://{shown}{own_port}{parts.path.rstrip('/')}"


def _split_address(text: str) -> SplitResult:
    if not text:
        raise ConfigurationError(
            "The portal's address is missing.", hint="Put it into Host, such as example.bitrix24.com."
        )
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        port = parts.port  # raises ValueError if it is not a number
        if parts.netloc.endswith(":") and parts.hostname in DEFAULT_PORTS:
            raise ValueError  # noqa: TRY301 - https:/example.com, which names the host "https"
    except ValueError:
        raise ConfigurationError(
            "The portal's address cannot be read.", hint="Use the form https://example.bitrix24.com."
        ) from None
    if port == 0:
        raise ConfigurationError(
            "The portal's address has port 0.", hint="Write the port on which the portal listens, or none for 443."
        )
    return parts


def ascii_host(host: str) -> str:
    """The host name as it is sent, with letters of other alphabets encoded (IDNA)."""
    if "%" in host and ":" not in host:
        host = unquote(host)
    if host.isascii():
        return host
    import idna  # which requests and httpx bring along

    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return host  # refused as a whole later


def _check_host(host: str, *, scheme: str) -> None:
    if not _is_ip(host) and not _HOST.match(host):
        raise ConfigurationError(
            "The portal's address has no valid host name.",
            hint="Use the form https://example.bitrix24.com.",
        )
    if scheme == "http" and not is_loopback(host):
        raise ConfigurationError(
            f"The portal {host} would be called over plain http, which shows the webhook's secret to the network.",
            hint="Use https://; http is accepted for a loopback address only.",
        )


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    return host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)
