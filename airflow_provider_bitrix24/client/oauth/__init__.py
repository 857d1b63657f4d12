"""Tokens of an OAuth application: read late, refreshed by one process at a time, kept where all processes find them."""
