"""The errors that tasks raise. Import them from here.

The errors of the client (:class:`Bitrix24Error` and its subclasses) do not derive from Airflow's, so that the client
works without Airflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from airflow_provider_bitrix24.compat import AirflowException

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.entities.update_report import UpdateReport
    from airflow_provider_bitrix24.client.report import TriggerReport

__all__ = [
    "ApiError",
    "AuthenticationError",
    "BatchError",
    "Bitrix24Error",
    "CheckpointError",
    "ConfigurationError",
    "ConnectFailed",
    "InvalidRequestError",
    "LostEventError",
    "NotFoundError",
    "OperatingLimitError",
    "OutcomeUnknown",
    "PermissionDeniedError",
    "PortalUnavailableError",
    "ProtocolError",
    "RateLimitError",
    "ServerError",
    "SharedStoreError",
    "TargetsFailedError",
    "TransportError",
    "VerificationError",
]


class TargetsFailedError(AirflowException):
    """Some targets failed or did not move, and a retry may help.

    :param report: the outcome of each target.
    """

    def __init__(self, message: str, report: TriggerReport | UpdateReport) -> None:
        super().__init__(message)
        self.report = report


class LostEventError(Exception):
    """A deferred task was resumed without a valid event. A retry of the task checks again.

    It does not derive from Airflow's exceptions, for which a sensor's ``soft_fail`` would skip the task.
    """
