"""Hooks: a portal as Airflow's tasks reach it."""
