"""A Bitrix24 portal in one process, for demos and tests.

Start it as a command (``python -m airflow_provider_bitrix24.simulator``) or from a test
(:mod:`airflow_provider_bitrix24.simulator.testing`). It stands alone: it imports neither Airflow nor the
client of this package, so that what the client believes about a portal is never tested against itself.

Layers, each importing only what stands before it:

- the rules of the wire and of the portal's language: ``php``, ``typed``, ``errors``, ``entity_types``, ``clock``
- what a portal holds: ``model``, ``stages``, ``items``, ``history``, ``accounts``, ``tokens``, ``events``
- how it behaves: ``settings``, ``limits``, ``latency``, ``faults``, ``request_log``
- all of it together: ``portal``, and ``seed`` to fill it
- what happens in it: ``automation`` (a trigger is fired), ``changes`` (a user edits), ``methods`` (REST)
- one request from end to end, without HTTP: ``bodies``, ``auth``, ``execution``, ``envelope``, ``batch``, ``replies``,
  ``rest``, ``oauth``
- HTTP: ``server``, ``oauth_pages``, ``control``, ``stream``, ``board``; ``threaded``, ``testing`` and the command
"""
