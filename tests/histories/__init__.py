"""Histories: a deterministic simulation of whole task lives, to find what breaks "never twice, never lost".

A history is drawn from a seed: a task, a portal, faults at any request and any command, an Airflow with its tries,
hosts with different clocks, and kills. The package's real operator, decorator, sensor and Airflow trigger live
through it in virtual time, and :mod:`.checker` holds what they did against the portal's own record of causes.

``python -m tests.histories --count 1000`` runs some, with ``--of updates`` those of tasks that update entities;
``--tell SEED`` tells one as a story. The parts:

- :mod:`.plan` what a history is, and :mod:`.draw` how one is drawn from a seed.
- :mod:`.timeline` virtual time, hosts, and processes that are interrupted or killed at numbered points.
- :mod:`.portal`, :mod:`.automation`, :mod:`.rest`, :mod:`.faults` the portal as an object.
- :mod:`.driver` and :mod:`.seams` what stands between the package and the world.
- :mod:`.airflow_model` tries, deferral, Clear, XComs and the task state store, and :mod:`.task` the task itself.
- :mod:`.checker`, its parts ``check_*`` and :mod:`.exceptions` the five invariants and what they except.
- :mod:`.runner`, :mod:`.shrink`, :mod:`.story` many histories, the smallest that fails, and what happened in it.
"""
