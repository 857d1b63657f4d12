"""A Bitrix24 client that knows nothing of Airflow.

>>> from airflow_provider_bitrix24.client import Bitrix24Client
>>> client = Bitrix24Client.from_webhook_url("https://example.bitrix24.com/rest/1/SECRET/")
>>> report = client.trigger_automation(["DEAL_57", "DEAL_58"], "c5u4m")  # doctest: +SKIP

Names are loaded on first use: importing this package pulls in neither requests nor httpx, since DAG files
import the layers above it every few seconds.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.async_client import AsyncBitrix24Client
    from airflow_provider_bitrix24.client.client import Bitrix24Client
    from airflow_provider_bitrix24.client.entities.update_report import UpdateReport, UpdateResult
    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.errors import (
        ApiError,
        AuthenticationError,
        BatchError,
        Bitrix24Error,
        CheckpointError,
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
        SharedStoreError,
        TransportError,
        VerificationError,
    )
    from airflow_provider_bitrix24.client.flows.diagnosis import Diagnosis
    from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
    from airflow_provider_bitrix24.client.oauth.diagnosis import TokenInfo
    from airflow_provider_bitrix24.client.oauth.pair import Pair
    from airflow_provider_bitrix24.client.oauth.token_store import Claim, Kept, TokenStore
    from airflow_provider_bitrix24.client.oauth.triggers import ApplicationTrigger
    from airflow_provider_bitrix24.client.portal import PastedWebhook, Portal, parse_webhook_url
    from airflow_provider_bitrix24.client.protocol.batch import BatchReply
    from airflow_provider_bitrix24.client.report import TargetError, TargetResult, TriggerReport
    from airflow_provider_bitrix24.client.settings import ClientSettings
    from airflow_provider_bitrix24.client.stages import Stage, StageInfo
    from airflow_provider_bitrix24.client.targets import parse_targets

__all__ = [
    "ApiError",
    "ApplicationPortal",
    "ApplicationTrigger",
    "AsyncBitrix24Client",
    "AuthenticationError",
    "BatchError",
    "BatchReply",
    "Bitrix24Client",
    "Bitrix24Error",
    "CheckpointError",
    "Claim",
    "ClientSettings",
    "ConfigurationError",
    "ConnectFailed",
    "Diagnosis",
    "EntityRef",
    "InvalidRequestError",
    "Kept",
    "NotFoundError",
    "OperatingLimitError",
    "OutcomeUnknown",
    "Pair",
    "PastedWebhook",
    "PermissionDeniedError",
    "Portal",
    "PortalUnavailableError",
    "ProtocolError",
    "RateLimitError",
    "ServerError",
    "SharedStoreError",
    "Stage",
    "StageInfo",
    "TargetError",
    "TargetResult",
    "TokenInfo",
    "TokenStore",
    "TransportError",
    "TriggerReport",
    "UpdateReport",
    "UpdateResult",
    "VerificationError",
    "parse_targets",
    "parse_webhook_url",
]


_MODULES = (
    "errors",
    "entity_ref",
    "targets",
    "portal",
    "settings",
    "stages",
    "report",
    "entities.update_report",
    "protocol.batch",
    "flows.diagnosis",
    "oauth.pair",
    "oauth.token_store",
    "oauth.application",
    "oauth.triggers",
    "oauth.diagnosis",
    "client",
    "async_client",
)
"""Where the public names are defined. They are searched in this order, so that errors and values come without flows."""


def __getattr__(name: str) -> Any:
    if name == "VerificationTimeout":
        warnings.warn(
            "VerificationTimeout is deprecated: nothing raises it. Use VerificationError.",
            DeprecationWarning,
            stacklevel=2,
        )
        name = "VerificationError"
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    homes = (import_module(f"{__name__}.{module}") for module in _MODULES)
    return getattr(next(home for home in homes if hasattr(home, name)), name)
