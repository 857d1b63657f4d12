from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.entity_types import reference, resolve_type, split_target


@pytest.mark.parametrize(
    ("name", "type_id"),
    [
        ("DEAL", 2), (" lead ", 1), ("SI", 31), ("SUS_DEAL", 19), ("DYNAMIC_128", 128), ("dynamic_2", 2),
        ("SYSTEM", 1024), ("DYNAMIC_", 0), ("DYNAMIC_x", 0), ("DYNAMIC_0", 0), ("T80", 0), ("", 0),
    ],
)  # fmt: skip
def test_names_of_types_are_resolved(name, type_id):
    assert resolve_type(name) == type_id


def test_targets_of_the_simulators_own_interfaces():
    assert split_target("DYNAMIC_177_5") == (177, 5)
    assert reference(*split_target("D_57")) == "DEAL_57"
    for wrong in ("DEAL", "DEAL_0", "FOO_1", ""):
        with pytest.raises(ValueError, match="names no entity"):
            split_target(wrong)
