"""Rigs of the tests of OAuth: a portal with an authorized application, and what calls it."""

from __future__ import annotations

import pytest

from tests.support.token_rig import token_rig


@pytest.fixture
def rig(tmp_path):
    with token_rig(tmp_path) as rig:
        rig.authorize()
        yield rig


@pytest.fixture
def plain_rig(tmp_path):
    """A rig whose store is not atomic, as Airflow's Variables are not."""
    with token_rig(tmp_path, atomic=False) as rig:
        rig.authorize()
        yield rig
