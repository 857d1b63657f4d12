"""Arguments of a firing that contradict each other or mean nothing."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from tests.support.firing_flow import trigger


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"target": "DEAL_1", "code": 5}, "code is of type int"),
        ({"target": "DEAL_1", "code": "\ud800"}, "code contains an unpaired surrogate"),
        (
            {"target": "DEAL_1", "expected_stage": "WON", "verify": False},
            "verify=False reads nothing, so expected_stage cannot work.",
        ),
        (
            {"target": "DEAL_1", "fail_on": "LOSE", "verify": False},
            "verify=False reads nothing, so fail_on cannot work.",
        ),
        (
            {"target": ["DEAL_1", "CONTACT_7"], "expected_stage": "WON"},
            "CONTACT_7 cannot be read, so expected_stage cannot work.",
        ),
        ({"target": "ORDER_9", "fail_on": "LOSE"}, "ORDER_9 cannot be read, so fail_on cannot work."),
        ({"target": "DEAL_1", "expected_stage": []}, "expected_stage is"),
        ({"target": None}, "target is None"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_sent(perform, options, named):
    with pytest.raises(ConfigurationError) as caught:
        perform(trigger(**options))
    assert named in str(caught.value)
