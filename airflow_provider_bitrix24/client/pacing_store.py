"""The stores of the request limit's state, for those who bring a store of their own."""

from airflow_provider_bitrix24.client.stores.pacing import (
    PROCESS_STORE,
    FileStore,
    Pacer,
    PacingStore,
    ProcessStore,
    default_directory,
)

__all__ = ["PROCESS_STORE", "FileStore", "Pacer", "PacingStore", "ProcessStore", "default_directory"]
