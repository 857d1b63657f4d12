"""The public path of the stores that processes share, for those who write a store of their own."""

import warnings
from typing import Any

from airflow_provider_bitrix24.client.stores.file import FileStore
from airflow_provider_bitrix24.client.stores.file_directory import default_directory
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import PROCESS_STORE, ProcessStore
from airflow_provider_bitrix24.client.stores.protocol import JsonValue, SharedStore
from airflow_provider_bitrix24.client.stores.redis import RedisStore
from airflow_provider_bitrix24.client.stores.sql import SqlStore

__all__ = [
    "PROCESS_STORE",
    "FileStore",
    "JsonValue",
    "Pacer",
    "ProcessStore",
    "RedisStore",
    "SharedStore",
    "SqlStore",
    "default_directory",
]


def __getattr__(name: str) -> Any:
    if name != "PacingStore":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn("PacingStore is deprecated: its name is now SharedStore.", DeprecationWarning, stacklevel=2)
    return SharedStore
