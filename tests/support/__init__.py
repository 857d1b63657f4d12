"""Rigs and helpers that tests of more than one file share."""
