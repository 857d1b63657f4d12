"""The only code that does network I/O: one driver for requests, one for httpx."""
