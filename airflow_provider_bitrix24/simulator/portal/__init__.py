"""What a portal holds and does, without HTTP. Public face: :class:`Portal`.

==========================================  ========================================================================
all of it together                          ``state`` (:class:`Portal`), ``seed`` to fill it
what it is made of                          ``model``, ``entity_types``, ``stages``
fields of items                             ``fields``, listed in ``field_lists``, of ``field_types``; ``field_names``
                                            spells them, ``field_values`` and ``multifields`` hold their values
what it stores                              ``items``, ``stage_history``, ``accounts``, ``tokens``, ``dictionaries``
what happens in it                          ``automation`` (a trigger is fired), ``edits`` (a user edits)
what it reports                             ``events``, ``request_log``
how it behaves                              ``settings``, ``limits``, ``latency``, ``faults``
==========================================  ========================================================================
"""

from airflow_provider_bitrix24.simulator.portal.state import Portal

__all__ = ["Portal"]
