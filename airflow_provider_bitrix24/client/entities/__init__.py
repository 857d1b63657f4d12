"""Entities as rows: finding those that match a filter, and updating their fields. :mod:`..firing` fires for them."""
