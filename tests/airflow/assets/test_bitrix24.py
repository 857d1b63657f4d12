"""Assets with URIs of the scheme bitrix24, as Airflow makes them."""

from __future__ import annotations

from importlib.util import find_spec
from urllib.parse import urlsplit

import pytest

from airflow_provider_bitrix24.assets.bitrix24 import create_asset, sanitize_uri
from airflow_provider_bitrix24.compat import Asset

SECRET = "s3cr3t0fth3w3bh00k"


@pytest.mark.parametrize(
    ("written", "normalized"),
    [
        ("bitrix24://example.bitrix24.com/DEAL", "bitrix24://example.bitrix24.com/DEAL"),
        ("bitrix24://Example.Bitrix24.com:443/deal/", "bitrix24://example.bitrix24.com/DEAL"),
        ("bitrix24://example.bitrix24.com/dynamic_2", "bitrix24://example.bitrix24.com/DEAL"),
        ("bitrix24://localhost:8080/DYNAMIC_177", "bitrix24://localhost:8080/DYNAMIC_177"),
        ("bitrix24://[::1]:8080/DEAL", "bitrix24://[::1]:8080/DEAL"),
        ("bitrix24://example.bitrix24.com/deal/C5:WON", "bitrix24://example.bitrix24.com/DEAL/C5:WON"),
        ("bitrix24://example.bitrix24.com/deal_057", "bitrix24://example.bitrix24.com/DEAL_57"),
    ],
)
def test_airflow_knows_the_scheme_and_normalizes_it(written, normalized):
    assert Asset(uri=written).uri == normalized


@pytest.mark.parametrize(
    "written",
    [
        "bitrix24:///DEAL",
        "bitrix24://example.bitrix24.com",
        "bitrix24://example.bitrix24.com/",
        "bitrix24://example.bitrix24.com/FOO",
        "bitrix24://example.bitrix24.com/DEAL_57/WON",
        "bitrix24://example.bitrix24.com/DEAL/WON/more",
        "bitrix24://example.bitrix24.com/DEAL/a b",
        f"bitrix24://example.bitrix24.com/rest/1/{SECRET}/crm.automation.trigger/",
        f"bitrix24://user:{SECRET}@example.bitrix24.com/DEAL",
        f"bitrix24://example.bitrix24.com/DEAL?auth={SECRET}",
        f"bitrix24://1:{SECRET}/DEAL",
    ],
)
def test_other_forms_are_refused_without_being_repeated(written):
    with pytest.raises(ValueError, match="bitrix24://PORTAL/TYPE") as raised:
        sanitize_uri(urlsplit(written))

    assert SECRET not in str(raised.value)


def test_an_asset_is_made_from_its_parts():
    made = create_asset(host="example.bitrix24.com", entity_type="deal", stage="C5:WON", extra={"team": "sales"})

    assert made.uri == "bitrix24://example.bitrix24.com/DEAL/C5:WON"
    assert made.extra == {"team": "sales"}


@pytest.mark.skipif(find_spec("airflow.sdk") is None, reason="Airflow 2 has no other name for it")
def test_it_is_what_dag_files_import():
    from airflow.sdk import Asset as SdkAsset

    assert Asset is SdkAsset
