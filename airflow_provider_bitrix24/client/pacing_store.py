"""The public path of the stores that keep the request limit's state, for those who write a store of their own."""

from airflow_provider_bitrix24.client.stores.file import FileStore, default_directory
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import PROCESS_STORE, ProcessStore
from airflow_provider_bitrix24.client.stores.protocol import PacingStore

__all__ = ["PROCESS_STORE", "FileStore", "Pacer", "PacingStore", "ProcessStore", "default_directory"]
