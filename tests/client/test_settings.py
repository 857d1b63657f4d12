"""Settings: what each plan means, and values that are refused before a request can fail because of them."""

from __future__ import annotations

from dataclasses import asdict, fields

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.settings import ClientSettings, OtherSettings


@pytest.mark.parametrize(
    ("settings", "bucket"),
    [
        ({}, (50, 2.0)),
        ({"plan": "enterprise"}, (250, 5.0)),
        ({"plan": "self-hosted"}, None),
        ({"bucket_size": 20}, (20, 2.0)),
        ({"requests_per_second": 0.5}, (50, 0.5)),
        ({"plan": "self-hosted", "requests_per_second": 10}, (50, 10)),
        ({"plan": "self-hosted", "bucket_size": 10}, (10, 2.0)),
    ],
)
def test_the_bucket_follows_the_plan_and_the_settings_that_override_it(settings, bucket):
    assert ClientSettings(**settings).bucket == bucket


def test_the_default_time_out_is_longer_than_a_portal_may_take():
    settings = ClientSettings()
    assert (settings.connect_timeout, settings.read_timeout, settings.settle_after) == (10, 70, 60)
    assert settings.max_concurrency == 4
    assert settings.tls is True
    assert ClientSettings(ca_bundle="/ca.pem").tls == "/ca.pem"
    assert ClientSettings(ca_bundle="/ca.pem", verify_tls=False).tls is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("plan", "gold"),
        ("bucket_size", 2),
        ("bucket_size", 3.5),
        ("requests_per_second", 0),
        ("requests_per_second", float("nan")),
        ("requests_per_second", float("inf")),
        ("max_concurrency", 0),
        ("max_concurrency", 1.5),
        ("settle_after", -1),
        ("settle_after", float("inf")),
        ("connect_timeout", 0),
        ("connect_timeout", float("inf")),
        ("read_timeout", 0),
        ("read_timeout", float("nan")),
        ("read_timeout", float("inf")),
        ("read_timeout", "70"),
        ("proxy", "proxy.example:3128"),
        ("proxy", "socks5://proxy.example"),
        ("proxy", "http://"),
        ("proxy", "http://proxy.example:port"),
        ("proxy", "http://[::1"),
        ("proxy", ""),
    ],
)
def test_a_value_out_of_range_is_named(name, value):
    with pytest.raises(ConfigurationError) as caught:
        ClientSettings(**{name: value})
    assert str(caught.value).startswith(f"{name} is ")


def test_the_password_of_a_proxy_is_shown_nowhere():
    settings = ClientSettings(proxy="http://user:h1dden@proxy.example:3128")
    assert settings.proxy == "http://user:h1dden@proxy.example:3128"
    assert "h1dden" not in repr([settings, settings.proxy, asdict(settings)])
    with pytest.raises(ConfigurationError) as caught:
        ClientSettings(proxy="socks5://user:h1dden@proxy.example")
    assert "h1dden" not in str(caught.value)


def test_from_webhook_url_takes_every_setting():
    own = {"plan", "verify_tls"}
    assert {field.name for field in fields(ClientSettings)} - own == set(OtherSettings.__annotations__)


def test_the_former_name_of_the_shared_directory_works_with_a_warning():
    with pytest.warns(DeprecationWarning, match="its name is now shared_store_directory"):
        settings = ClientSettings(pacing_directory="/former")
    assert (settings.shared_store_directory, settings.pacing_directory) == ("/former", None)
    with pytest.warns(DeprecationWarning, match="its name is now shared_store_directory"):
        both = ClientSettings(pacing_directory="/former", shared_store_directory="/new")
    assert both.shared_store_directory == "/new"
