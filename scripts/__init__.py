"""The commands of the Makefile, and what the demo, the system tests and the benchmarks share.

Run them from the root of the repository: ``python -m scripts.NAME``.
"""
