"""Airflow triggers: waits that need no worker. They only read from the portal and fire nothing there."""
