"""Entities as rows: finding those that match a filter. Firing for them is in :mod:`..firing`."""
