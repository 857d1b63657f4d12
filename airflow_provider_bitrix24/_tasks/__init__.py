"""What operators, sensor, notifier and Airflow triggers share. Private: nothing outside this package imports it."""
