"""One REST request from its path and body to its answer. Public face: :class:`~.service.RestService`."""
