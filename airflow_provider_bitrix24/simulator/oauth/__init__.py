"""The authorization server of an application. Public face: :class:`~.pages.OAuthPages`."""
