"""The control API under ``/_simulator/``, for tests and people. Public face: :class:`~.api.ControlApi`."""
