"""Apache Airflow provider for Bitrix24. Holds the version only; importing it imports nothing of Airflow."""

__version__ = "1.0.0"
