"""How clients are made and which arguments they refuse; the same for both."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
from airflow_provider_bitrix24.client.base import BaseClient
from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.portal import Portal

URL = "https://example.bitrix24.com/rest/1/s3cr3t/"
CLASSES = pytest.mark.parametrize("kind", [Bitrix24Client, AsyncBitrix24Client])


@CLASSES
def test_a_client_is_made_from_the_url_that_bitrix24_shows(kind, tmp_path):
    authority = tmp_path / "ca.pem"
    made = kind.from_webhook_url(f"{URL}crm.automation.trigger/?target=DEAL_{{{{ID}}}}&code=c5u4m", plan="enterprise")
    assert made.portal == Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s3cr3t")
    assert (made.default_code, made.settings.bucket, made.settings.verify_tls) == ("c5u4m", (250, 5.0), True)
    assert kind.from_webhook_url(URL, verify_tls=False, max_concurrency=1).settings.tls is False
    with pytest.raises(ConfigurationError, match="ca_bundle cannot be used"):
        kind.from_webhook_url(URL, verify_tls=str(authority))


@CLASSES
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"plan": "gold"}, "plan is 'gold'"),
        ({"colour": "red"}, "colour"),
        ({"verify_tls": "/ca.pem", "ca_bundle": "/ca.pem"}, "ca_bundle"),
        ({"reader": "https://other.bitrix24.com/rest/1/s3cr3t/"}, "second connection is to other.bitrix24.com"),
        ({"reader": "nonsense"}, "not a webhook URL"),
    ],
)
def test_a_wrong_option_is_named(kind, options, named):
    with pytest.raises(ConfigurationError) as caught:
        kind.from_webhook_url(URL, **options)
    assert named in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_targets_and_stages_that_are_parsed_already_are_taken_as_they_are(perform):
    client = BaseClient(Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s3cr3t"))
    stages = perform(
        client._get_stages([EntityRef(2, 57), "deal_057", EntityRef(2, 58)]),
        ("acquire 1", 0.0),
        ("send batch of 1", [{"result": {"result": {"c0": {"items": [{"id": 57, "stageId": "WON"}]}}}}]),
    )
    assert stages["DEAL_57"].stage == "WON"
    report = perform(
        client._trigger_automation(EntityRef(2, 57), "c", frozenset({"WON"}), verify=True, now=0.0),
        ("acquire 1", 0.0),
        ("send batch of 2", [{"result": {"result": {"c0": {"items": [{"id": 57, "stageId": "WON"}]}, "c1": []}}}]),
        ("log", None),
        ("log", None),
    )
    assert report.already == 1


@pytest.mark.parametrize("targets", ["CONTACT_7", ["DEAL_1", EntityRef(14, 8)]])
def test_a_target_without_a_stage_is_refused_before_anything_is_sent(perform, targets):
    client = BaseClient(Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s3cr3t"))
    with pytest.raises(ConfigurationError, match=r"The stage of .* cannot be read"):
        perform(client._get_stages(targets))
