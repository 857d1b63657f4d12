"""Asks a real portal for facts that no document settles, and compares them with the simulator: ``make live``."""
