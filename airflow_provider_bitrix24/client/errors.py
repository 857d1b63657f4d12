"""What can go wrong with a portal, sorted by what the caller should do next.

    Bitrix24Error
    ├── ConfigurationError      fix the connection or the arguments; nothing was sent
    ├── TransportError          no answer
    │   ├── ConnectFailed       certainly not sent
    │   └── OutcomeUnknown      sent, or maybe sent
    ├── ProtocolError           an answer that is not the REST envelope (HTML, cut JSON, redirect)
    ├── ApiError                the portal answered with an error code
    │   ├── AuthenticationError
    │   ├── PermissionDeniedError
    │   ├── NotFoundError
    │   ├── InvalidRequestError
    │   ├── RateLimitError
    │   │   └── OperatingLimitError
    │   ├── PortalUnavailableError
    │   └── ServerError
    ├── SharedStoreError        what processes and hosts share cannot be read or changed
    ├── BatchError              some commands of a batch failed; both halves are kept
    └── VerificationError       accepted, but the expected effect was not seen

Every error says whether the portal acted (``executed``), whether trying again is useless (``permanent``) and what a
person can do (``hint``). No error ever carries a URL, since the webhook's secret is part of it. Which answer becomes
which error is decided in :mod:`.protocol.error_codes`; whether a call is repeated, in :mod:`.limits.retry`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Executed = Literal["no", "yes", "unknown"]
"""Whether the portal acted on a request: certainly not, certainly, or nobody knows."""
Limit = Literal["requests", "operating"]
"""A limit of the portal: on the requests of an address, or on the working time of a method."""

_SHOWN = 3
"""How many failed commands one message names."""


class Bitrix24Error(Exception):
    """Anything that this client raises.

    ``executed`` says whether the portal acted; ``hint`` is one sentence of advice, or empty.
    """

    executed: Executed = "no"
    permanent = True
    """Whether the same request is certain to fail again later."""
    limit: Limit | None = None
    """The portal's limit that was reached, if it was one."""

    def __init__(self, message: str, *, hint: str = "", executed: Executed | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if executed is not None:
            self.executed = executed

    def redact(self, redact: Callable[[str], str]) -> None:
        """Apply ``redact`` to what came from the portal: an answer may repeat the URL, which holds the secret."""
        self.message = redact(self.message)
        self.args = (self.message,)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions with keyword-only arguments do not survive a process boundary by default.
        return _rebuild, (type(self), self.args, self.__dict__.copy())


def _rebuild(cls: type[Bitrix24Error], args: tuple[Any, ...], state: dict[str, Any]) -> Bitrix24Error:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(Bitrix24Error):
    """The connection or an argument is wrong. Nothing was sent."""


class CheckpointError(Bitrix24Error):
    """The checkpoint of an earlier try cannot be used, so nobody knows what it has fired. Nothing was sent."""


class SharedStoreError(Bitrix24Error):
    """The store that processes and hosts share cannot be used at the moment.

    A request never fails with it: its process then paces alone. Whether a value was changed is not known.
    """

    permanent = False


class TransportError(Bitrix24Error):
    """There was no answer. ``permanent`` is true where trying again cannot help, as with a bad certificate."""

    permanent = False

    def __init__(
        self, message: str, *, hint: str = "", executed: Executed | None = None, permanent: bool = False
    ) -> None:
        super().__init__(message, hint=hint, executed=executed)
        self.permanent = permanent


class ConnectFailed(TransportError):  # noqa: N818 - a public name that says what happened
    """The connection was never made, so the request was certainly not sent."""


class OutcomeUnknown(TransportError):  # noqa: N818 - a public name that says what happened
    """The request was sent, or may have been; the portal may have acted and may still be acting."""

    executed = "unknown"


class ProtocolError(Bitrix24Error):
    """An answer that is not the REST envelope: HTML, JSON cut short, an empty body, a redirect.

    ``status`` is the HTTP status.
    """

    executed = "unknown"
    permanent = False

    def __init__(self, message: str, *, status: int, hint: str = "", executed: Executed | None = None) -> None:
        super().__init__(message, hint=hint, executed=executed)
        self.status = status
        self.permanent = executed == "no"  # only a redirect, which will be one next time


class ApiError(Bitrix24Error):
    """The portal answered with an error.

    ``code`` is the portal's own (often the empty string). ``description`` is its text, which some methods localize, so
    it is never compared. ``method`` is the REST method and ``status`` the HTTP status (200 inside a batch, 0 where
    nothing was sent).
    """

    def __init__(
        self,
        *,
        code: str,
        description: str,
        method: str,
        status: int,
        hint: str = "",
        executed: Executed | None = None,
    ) -> None:
        shown = " ".join(part for part in (code, description) if part) or "an error without code or text"
        text = f"{method}: {shown} (HTTP {status})." if status else shown
        super().__init__(text, hint=hint, executed=executed)
        self.code = code
        self.description = description
        self.method = method
        self.status = status

    def redact(self, redact: Callable[[str], str]) -> None:
        """See :meth:`Bitrix24Error.redact`."""
        super().redact(redact)
        self.code, self.description = redact(self.code), redact(self.description)


class AuthenticationError(ApiError):
    """The webhook or token is wrong, deleted, blocked or expired."""

    has_new_token = False
    """Whether the token that was refused has been replaced, so that the request can be sent again at once."""
    why_not_renewed: Bitrix24Error | None = None
    """Why the token that was refused could not be replaced."""

    def renewed(self) -> None:
        """Note that the token has been replaced."""
        self.has_new_token, self.permanent, self.hint = True, False, ""

    def not_renewed(self, why: Bitrix24Error) -> None:
        """Note that there is no other token: ``why`` says more than the refusal."""
        self.why_not_renewed, self.permanent = why, why.permanent
        self.message, self.hint, self.args = why.message, why.hint, why.args


class PermissionDeniedError(ApiError):
    """The credential is valid, but may not do this."""


class NotFoundError(ApiError):
    """The method, the entity or its type does not exist."""


class InvalidRequestError(ApiError):
    """The portal does not accept the parameters."""


class RateLimitError(ApiError):
    """Too many requests from this address: refused before anything ran."""

    permanent = False
    limit: Limit = "requests"


class OperatingLimitError(RateLimitError):
    """The method's working time is used up: refused before anything ran.

    ``reset_in`` is the number of seconds until the portal accepts the method again, or ``None`` where that is not
    known: the refusal does not say it, only the last success did.
    """

    limit = "operating"
    reset_in: float | None = None


class PortalUnavailableError(ApiError):
    """The portal is closed, deleted or blocked by Bitrix24; repeating does not help."""


class ServerError(ApiError):
    """The portal failed before or while it worked on the request."""

    executed = "unknown"
    permanent = False


class BatchError(Bitrix24Error):
    """Some commands of a batch failed. ``results`` and ``errors`` hold both halves, by the caller's keys."""

    executed = "unknown"

    def __init__(self, *, results: Mapping[str, Any], errors: Mapping[str, Bitrix24Error]) -> None:
        shown = "; ".join(f"{key}: {error.message}" for key, error in list(errors.items())[:_SHOWN])
        more = f"; and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
        total = len(results) + len(errors)
        super().__init__(f"{len(errors)} of {total} commands failed: {shown}{more}.")
        self.results = dict(results)
        self.errors = dict(errors)


class VerificationError(Bitrix24Error):
    """The portal accepted the request, but the expected effect was not seen."""

    executed = "yes"
