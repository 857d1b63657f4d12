"""A Bitrix24 portal in one process, for demos and tests.

Start it as a command (``python -m airflow_provider_bitrix24.simulator``) or from a test
(:mod:`airflow_provider_bitrix24.simulator.testing`). It stands alone: it imports neither Airflow nor the
client of this package, so that what the client believes about a portal is never tested against itself.

Layers, each importing only those before it: ``php``, ``clock``, ``errors``, ``entity_types`` (rules of the
wire and of the portal's language), ``model``, ``history``, ``items`` (what a portal holds), ``settings``,
``limits``, ``faults``, ``journal`` (how it behaves), ``portal`` (all of it together), ``automation``
(what a fired trigger does), ``methods`` (what REST methods do), ``auth``, ``batch``, ``envelope``,
``rest`` (one request from end to end, without HTTP), ``server``, ``control``, ``board`` (HTTP).
"""
