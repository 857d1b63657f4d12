"""What a portal holds and does, without HTTP: its state, its rules, its limits. Public face: :class:`Portal`."""

from airflow_provider_bitrix24.simulator.portal.state import Portal

__all__ = ["Portal"]
