"""Flows: generators that say what to send and when, performed by either driver of :mod:`..transports`."""
