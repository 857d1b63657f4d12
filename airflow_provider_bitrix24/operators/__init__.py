"""Operators: tasks that move entities."""
