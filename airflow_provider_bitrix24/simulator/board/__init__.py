"""The page that shows the portal's pipelines and moves them live. Public face: :class:`~.page.Board`."""
