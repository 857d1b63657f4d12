"""Measures the client beside its peers, against the simulator or any other portal. See README.md."""
