"""Airflow triggers: waits that need no worker. They only read; nothing is ever fired from one."""
