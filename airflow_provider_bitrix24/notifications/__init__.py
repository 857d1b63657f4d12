"""Notifiers: callbacks that fire automation triggers."""
