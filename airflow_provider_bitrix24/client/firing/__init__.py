"""Firing automation triggers: one subject, one owner of its state. Public face: :func:`~.run.trigger_automation`."""
