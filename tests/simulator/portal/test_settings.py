from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.settings import Plan, PortalSettings


@pytest.mark.parametrize(
    ("plan", "is_cloud"), [(Plan.STANDARD, True), (Plan.ENTERPRISE, True), (Plan.SELF_HOSTED, False)]
)
def test_every_plan_but_the_self_hosted_one_is_in_the_cloud(plan, is_cloud):
    assert PortalSettings(plan=plan).is_cloud is is_cloud
