"""Decorators that make a task of a function."""
