"""A Bitrix24 client that knows nothing of Airflow.

>>> from airflow_provider_bitrix24.client import Bitrix24Client
>>> client = Bitrix24Client.from_webhook_url("https://example.bitrix24.com/rest/1/SECRET/")
>>> report = client.trigger_automation(["DEAL_57", "DEAL_58"], "c5u4m")  # doctest: +SKIP

Names are loaded on first use: importing this package pulls in neither requests nor httpx, since DAG files
import the layers above it every few seconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.client import AsyncBitrix24Client, Bitrix24Client
    from airflow_provider_bitrix24.client.errors import (
        ApiError,
        AuthenticationError,
        BatchError,
        Bitrix24Error,
        ConfigurationError,
        ConnectFailed,
        InvalidRequestError,
        NotFoundError,
        OperatingLimitError,
        OutcomeUnknown,
        PermissionDeniedError,
        PortalUnavailableError,
        ProtocolError,
        RateLimitError,
        ServerError,
        TransportError,
        VerificationError,
        VerificationTimeout,
    )
    from airflow_provider_bitrix24.client.flows.diagnosis import Diagnosis
    from airflow_provider_bitrix24.client.portal import PastedWebhook, Portal, parse_webhook_url
    from airflow_provider_bitrix24.client.protocol.batch import BatchReply
    from airflow_provider_bitrix24.client.report import TargetError, TargetResult, TriggerReport
    from airflow_provider_bitrix24.client.settings import ClientSettings
    from airflow_provider_bitrix24.client.stages import Stage, StageInfo
    from airflow_provider_bitrix24.client.targets import EntityRef, parse_targets

_HOMES = {
    "protocol.batch": ("BatchReply",),
    "client": ("AsyncBitrix24Client", "Bitrix24Client"),
    "flows.diagnosis": ("Diagnosis",),
    "targets": ("EntityRef", "parse_targets"),
    "errors": (
        "ApiError",
        "AuthenticationError",
        "BatchError",
        "Bitrix24Error",
        "ConfigurationError",
        "ConnectFailed",
        "InvalidRequestError",
        "NotFoundError",
        "OperatingLimitError",
        "OutcomeUnknown",
        "PermissionDeniedError",
        "PortalUnavailableError",
        "ProtocolError",
        "RateLimitError",
        "ServerError",
        "TransportError",
        "VerificationError",
        "VerificationTimeout",
    ),
    "portal": ("PastedWebhook", "Portal", "parse_webhook_url"),
    "settings": ("ClientSettings",),
    "report": ("TargetError", "TargetResult", "TriggerReport"),
    "stages": ("Stage", "StageInfo"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ApiError",
    "AsyncBitrix24Client",
    "AuthenticationError",
    "BatchError",
    "BatchReply",
    "Bitrix24Client",
    "Bitrix24Error",
    "ClientSettings",
    "ConfigurationError",
    "ConnectFailed",
    "Diagnosis",
    "EntityRef",
    "InvalidRequestError",
    "NotFoundError",
    "OperatingLimitError",
    "OutcomeUnknown",
    "PastedWebhook",
    "PermissionDeniedError",
    "Portal",
    "PortalUnavailableError",
    "ProtocolError",
    "RateLimitError",
    "ServerError",
    "Stage",
    "StageInfo",
    "TargetError",
    "TargetResult",
    "TransportError",
    "TriggerReport",
    "VerificationError",
    "VerificationTimeout",
    "parse_targets",
    "parse_webhook_url",
]


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
