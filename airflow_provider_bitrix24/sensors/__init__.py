"""Sensors: tasks that wait for entities."""
