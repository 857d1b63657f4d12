"""The settings of a client: limits, time-outs, TLS. Plain values; nothing here acts on them."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from typing import Literal, TypedDict
from urllib.parse import urlsplit

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.number_range import SECONDS, NumberRange
from airflow_provider_bitrix24.client.plain import in_seconds, quoted, unwrapped
from airflow_provider_bitrix24.client.secret_text import SecretText

Plan = Literal["standard", "enterprise", "self-hosted"]
"""The portal's plan, which decides how many requests it accepts from one address."""

PLANS: dict[str, tuple[int, float]] = {
    "standard": (50, 2.0),
    "enterprise": (250, 5.0),
    "self-hosted": (0, 0.0),
}
"""Plan -> (bucket size, requests per second), as Bitrix24 documents them; zeros mean no limit."""

RANGES = {
    "bucket_size": NumberRange(minimum=3, whole=True),
    "requests_per_second": NumberRange(minimum=0.01),
    "max_concurrency": NumberRange(minimum=1, whole=True),
    "settle_after": SECONDS,
    "connect_timeout": NumberRange(minimum=0.001, unit="seconds"),
    "read_timeout": NumberRange(minimum=0.001, unit="seconds"),
}
"""The numbers that each numeric setting may be."""
_OPTIONAL = ("bucket_size", "requests_per_second")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Settings of one client. Times are in seconds.

    :param plan: ``standard`` (bucket of 50, 2 requests a second), ``enterprise`` (250, 5) or ``self-hosted``
        (no limit).
    :param bucket_size: own bucket size instead of the plan's.
    :param requests_per_second: own rate instead of the plan's; divide it where several hosts share an address.
    :param max_concurrency: requests in flight at once (1 for a small self-hosted portal).
    :param settle_after: how long the portal may continue to execute a request whose answer was lost. The cloud ends
        a request after 60 s.
    :param connect_timeout: until a connection is ready, TLS included.
    :param read_timeout: from sending a request to its complete answer; a portal may work on one request for 60 s.
    :param verify_tls: whether to check the portal's certificate.
    :param ca_bundle: path of a file with the certificate authorities to trust instead of the default ones.
    :param proxy: address of an HTTP proxy, such as ``http://user:password@proxy.example:3128``.
    :param shared_store_directory: where the processes of this machine share what they know of the portal's limits; by
        default a directory for all users under the system's temporary directory.
    :param pacing_directory: deprecated, the former name of ``shared_store_directory``.
    :raises ConfigurationError: a value is out of its range; the message names it.
    """

    plan: Plan = "standard"
    bucket_size: int | None = None
    requests_per_second: float | None = None
    max_concurrency: int = 4
    settle_after: float = 60.0
    connect_timeout: float = 10.0
    read_timeout: float = 70.0
    verify_tls: bool = True
    ca_bundle: str | None = None
    proxy: str | None = field(default=None, repr=False)
    shared_store_directory: str | None = None
    pacing_directory: str | None = None

    def __post_init__(self) -> None:
        if self.pacing_directory is not None:
            message = "pacing_directory is deprecated: its name is now shared_store_directory."
            warnings.warn(message, DeprecationWarning, stacklevel=3)
            if self.shared_store_directory is None:
                object.__setattr__(self, "shared_store_directory", self.pacing_directory)
            object.__setattr__(self, "pacing_directory", None)  # so that a copy does not warn again
        object.__setattr__(self, "plan", unwrapped(self.plan))
        if self.plan not in list(PLANS):  # of a list, since it may be unhashable
            raise ConfigurationError(f"plan is {quoted(self.plan)}.", hint=f"Use one of {', '.join(PLANS)}.")
        self._check_paths()
        for name, numbers in RANGES.items():
            value = in_seconds(getattr(self, name))
            object.__setattr__(self, name, value)
            if value is not None or name not in _OPTIONAL:
                numbers.check(name, value)
        if self.proxy is not None and not _is_http_address(self.proxy):
            raise ConfigurationError("proxy is not a valid proxy URL.", hint="Use the form http://proxy.example:3128.")
        if self.proxy is not None:
            object.__setattr__(self, "proxy", SecretText(self.proxy))

    def _check_paths(self) -> None:
        for name in ("ca_bundle", "shared_store_directory"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str | os.PathLike):
                raise ConfigurationError(f"{name} is of type {type(value).__name__}.", hint="Pass a path as a text.")
            if value is not None and not _is_path(value):
                raise ConfigurationError(f"{name} holds a character that no path can have.", hint="Type it anew.")

    @property
    def bucket(self) -> tuple[int, float] | None:
        """(size, requests per second) of the portal's leaky bucket, or ``None`` where there is no limit."""
        size, rate = PLANS[self.plan]
        size = self.bucket_size if self.bucket_size is not None else size
        rate = self.requests_per_second if self.requests_per_second is not None else rate
        if not size and not rate:
            return None
        return size or PLANS["standard"][0], rate or PLANS["standard"][1]

    @property
    def tls(self) -> bool | str:
        """Whether to check the certificate, or the path of a CA bundle to check it with."""
        return self.ca_bundle or True if self.verify_tls else False


class OtherSettings(TypedDict, total=False):
    """The fields of :class:`ClientSettings` that are keyword arguments of ``from_webhook_url`` unchanged."""

    bucket_size: int | None
    requests_per_second: float | None
    max_concurrency: int
    settle_after: float
    connect_timeout: float
    read_timeout: float
    ca_bundle: str | None
    proxy: str | None
    shared_store_directory: str | None
    pacing_directory: str | None


def _is_path(value: str | os.PathLike[str]) -> bool:
    try:
        return b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:  # half of a character
        return False


def _is_http_address(text: object) -> bool:
    if not isinstance(text, str):
        return False
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
