"""Webhook URLs as people paste them, and addresses that would show the secret to others."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.portal import Portal, looks_like_webhook_url, parse_webhook_url

SECRET = "s3cr3t0fth3w3bh00k"


@pytest.mark.parametrize(
    ("url", "base_url", "user_id", "secret", "code"),
    [
        (f"https://my.bitrix24.com/rest/1/{SECRET}/", "https://my.bitrix24.com", "1", SECRET, None),
        (f"https://my.bitrix24.com/rest/1/{SECRET}", "https://my.bitrix24.com", "1", SECRET, None),
        (
            f"https://my.bitrix24.com/rest/1/{SECRET}/crm.automation.trigger/?target=DEAL_{{{{ID}}}}&code=nwly5",
            "https://my.bitrix24.com",
            "1",
            SECRET,
            "nwly5",
        ),
        (f"https://my.bitrix24.com/rest/1/{SECRET}/profile.json", "https://my.bitrix24.com", "1", SECRET, None),
        (f"  my.bitrix24.com/rest/12/{SECRET}/ \n", "https://my.bitrix24.com", "12", SECRET, None),
        (f"HTTPS://MY.bitrix24.com/rest/1/{SECRET}/", "https://my.bitrix24.com", "1", SECRET, None),
        (f"https://my.bitrix24.com:443/rest/1/{SECRET}/", "https://my.bitrix24.com", "1", SECRET, None),
        (f"https://crm.example/sub/dir/rest/1/{SECRET}/", "https://crm.example/sub/dir", "1", SECRET, None),
        (f"https://crm.example:8443/rest/1/{SECRET}/", "https://crm.example:8443", "1", SECRET, None),
        (f"http://127.0.0.1:8024/rest/1/{SECRET}/", "http://127.0.0.1:8024", "1", SECRET, None),
        (f"http://localhost/rest/1/{SECRET}/", "http://localhost", "1", SECRET, None),
        (f"http://[::1]:8024/rest/1/{SECRET}/", "http://[::1]:8024", "1", SECRET, None),
        (f"https://[2001:db8::1]/rest/1/{SECRET}/", "https://[2001:db8::1]", "1", SECRET, None),
        ("https://x.example/rest/a%40b/s%25c%26/", "https://x.example", "a@b", "s%c&", None),
        (f"https://x.example/rest/api/1/{SECRET}/tasks", "https://x.example", "1", SECRET, None),
        (f"https://x.example/rest/api/{SECRET}/", "https://x.example", "api", SECRET, None),
        (f"https://x.example/rest/1/{SECRET}/m/?code=a%26b%3Dc%23d+e", "https://x.example", "1", SECRET, "a&b=c#d e"),
        (f"https://x.example/rest/1/{SECRET}/m/?code=", "https://x.example", "1", SECRET, None),
        (f'"https://my.bitrix24.com/rest/1/{SECRET}/"', "https://my.bitrix24.com", "1", SECRET, None),
        (f"'https://my.bitrix24.com/rest/1/{SECRET}'", "https://my.bitrix24.com", "1", SECRET, None),
        (f" <https://my.bitrix24.com/rest/1/{SECRET}/>\n", "https://my.bitrix24.com", "1", SECRET, None),
        (f"`https://my.bitrix24.com/rest/1/{SECRET}/`", "https://my.bitrix24.com", "1", SECRET, None),
        (f"\u201chttps://my.bitrix24.com/rest/1/{SECRET}/\u201d", "https://my.bitrix24.com", "1", SECRET, None),
        (f"\ufeffhttps://my.bitrix24.com/rest/1/{SECRET}/", "https://my.bitrix24.com", "1", SECRET, None),
        (f'\ufeff"my.bitrix24.com/rest/1/{SECRET}"', "https://my.bitrix24.com", "1", SECRET, None),
        (f"curl https://my.bitrix24.com/rest/1/{SECRET}/profile", "https://my.bitrix24.com", "1", SECRET, None),
        (
            f"curl -X POST -H 'Accept: */*' \\\n  'https://my.bitrix24.com/rest/1/{SECRET}/m/?code=z' -d '{{}}'",
            "https://my.bitrix24.com",
            "1",
            SECRET,
            "z",
        ),
        (
            f'$ curl.exe "https://my.bitrix24.com/rest/1/{SECRET}/m/?a=1^&code=z"',
            "https://my.bitrix24.com",
            "1",
            SECRET,
            "z",
        ),
        (
            f"https://my.bitrix24.com/rest/1/{SECRET}/m/?target=D&amp;code=z",
            "https://my.bitrix24.com",
            "1",
            SECRET,
            "z",
        ),
        (f"https://x.example/rest/1/{SECRET}/m/?code=%20z%20", "https://x.example", "1", SECRET, "z"),
        (f"https://x.example/rest/1/{SECRET}/m/?code=%20", "https://x.example", "1", SECRET, None),
        (f"https://портал.рф/rest/1/{SECRET}/", "https://xn--80awhdgm.xn--p1ai", "1", SECRET, None),
        (f"ПОРТАЛ.РФ/rest/1/{SECRET}/", "https://xn--80awhdgm.xn--p1ai", "1", SECRET, None),
        (f"https://straße.example:8443/rest/1/{SECRET}/", "https://xn--strae-oqa.example:8443", "1", SECRET, None),
        (f"https://日本。jp/rest/1/{SECRET}/", "https://xn--wgv71a.jp", "1", SECRET, None),
        (
            f"https://%D0%BF%D0%BE%D1%80%D1%82%D0%B0%D0%BB.рф/rest/1/{SECRET}/",
            "https://xn--80awhdgm.xn--p1ai",
            "1",
            SECRET,
            None,
        ),
        (f"https://x.example/rest/1/{SECRET}/m/?target=1#code=z", "https://x.example", "1", SECRET, None),
    ],
)
def test_a_pasted_url_is_split(url, base_url, user_id, secret, code):
    pasted = parse_webhook_url(url)
    assert looks_like_webhook_url(url)
    assert pasted.code == code
    portal = pasted.portal
    assert (portal.base_url, portal.user_id, portal.secret) == (base_url, user_id, secret)


@pytest.mark.parametrize(
    "url",
    [
        SECRET,
        "",
        f"https://my.bitrix24.com/{SECRET}",
        f"https://my.bitrix24.com/rest/{SECRET}",
        f"https://my.bitrix24.com/rest/{SECRET}/",
        f"http://my.bitrix24.com/rest/1/{SECRET}/",
        f"http://10.0.0.5/rest/1/{SECRET}/",
        f"http://127.0.0.1.evil.example/rest/1/{SECRET}/",
        f"http://localhost.evil.example/rest/1/{SECRET}/",
        f"ftp://my.bitrix24.com/rest/1/{SECRET}/",
        f"://my.bitrix24.com/rest/1/{SECRET}/",
        f"curl my.bitrix24.com/rest/1/{SECRET}/",
        "curl https://my.bitrix24.com/",
        f"https://-портал.рф/rest/1/{SECRET}/",
        f"https://\u2800.рф/rest/1/{SECRET}/",
        f"webhook: https://my.bitrix24.com/rest/1/{SECRET}/",
        f"https://admin:{SECRET}@my.bitrix24.com/rest/1/x/",
        f"https://[::1/rest/1/{SECRET}/",
        f"https://my.bitrix24.com:port/rest/1/{SECRET}/",
        f"https://my.bitrix24.com:99999/rest/1/{SECRET}/",
        f"https://-my.example/rest/1/{SECRET}/",
        f"https:///rest/1/{SECRET}/",
        f"https://{'a' * 64}.example/rest/1/{SECRET}/",
        f"https://a..example/rest/1/{SECRET}/",
        f"https://{'a.' * 127}example/rest/1/{SECRET}/",
        f"https://my.bitrix24.com/rest/1/{SECRET}%20x/",
        f"https://my.bitrix24.com/rest/1/{SECRET}%2Fx/",
        f"https://my.bitrix24.com/rest/1/{SECRET}%3Fx/",
        f"https://my.bitrix24.com/rest/%20/{SECRET}/",
        f"https://my.bitrix24.com/rest/1/%20/{SECRET}",
        f"https://my.bitrix24.com/rest/a b/{SECRET}/",
    ],
)
def test_an_unsafe_or_malformed_url_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigurationError) as caught:
        parse_webhook_url(url)
    assert SECRET not in str(caught.value)
    assert caught.value.hint
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("example.bitrix24.com", "https://example.bitrix24.com"),
        ("https://example.bitrix24.com/", "https://example.bitrix24.com"),
        (" https://example.bitrix24.com//", "https://example.bitrix24.com"),
        ("crm.example/portal/", "https://crm.example/portal"),
        ("my_portal.local:8443", "https://my_portal.local:8443"),
        ("192.0.2.7", "https://192.0.2.7"),
    ],
)
def test_an_address_without_scheme_means_https(base_url, expected):
    assert Portal(base_url=base_url, user_id="1", secret="x").base_url == expected


@pytest.mark.parametrize(
    ("given_parts", "named"),
    [
        ({"base_url": " "}, "address is missing"),
        ({"base_url": "https://example.com?x=1"}, "more than a host"),
        ({"base_url": "https://example.com#x"}, "more than a host"),
        ({"base_url": "https://user@example.com"}, "more than a host"),
        ({"base_url": "https://exa mple.com"}, "no valid host name"),
        ({"base_url": "https://[::1"}, "cannot be read"),
        ({"base_url": f"https://example.com/rest/1/{SECRET}/"}, "webhook"),
        ({"base_url": "http://example.com"}, "plain http"),
        ({"user_id": " "}, "user id is missing"),
        ({"secret": ""}, "secret is missing"),
        ({"user_id": "1/2"}, "user id holds"),
        ({"secret": f"{SECRET}?"}, "secret holds"),
    ],
)
def test_a_part_that_is_wrong_is_named(given_parts, named):
    parts = {"base_url": "https://example.com", "user_id": "1", "secret": SECRET, **given_parts}
    with pytest.raises(ConfigurationError) as caught:
        Portal(**parts)
    assert named in str(caught.value)
    assert SECRET not in str(caught.value)


def test_neither_repr_nor_str_show_the_secret_and_urls_are_built_late():
    portal = Portal(base_url="crm.example:8443/sub", user_id="a@b", secret="%&s3cr3t")
    assert "%" not in repr(portal) + str(portal)
    assert portal.host == "crm.example:8443"
    assert portal.port == 8443
    assert Portal(base_url="crm.example", user_id="1", secret="s3cr3t").port == 443
    assert Portal(base_url="http://127.0.0.1", user_id="1", secret="s3cr3t").port == 80
    assert portal.method_url("scope") == "https://crm.example:8443/sub/rest/a%40b/%25%26s3cr3t/scope"
    assert portal.page_url("/crm/deal/details/57/") == "https://crm.example:8443/sub/crm/deal/details/57/"
    assert portal.redact("raw %&s3cr3t and encoded %25%26s3cr3t") == "raw *** and encoded ***"
    assert Portal(base_url="crm.example", user_id="1", secret="s").redact("is it so") == "is it so"
    assert pickle.loads(pickle.dumps(portal)) == portal  # noqa: S301


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="/?#\x85\xa0\x7f"), min_size=1))
def test_any_secret_survives_being_part_of_a_url(secret):
    try:
        portal = Portal(base_url="https://x.example", user_id="1", secret=secret)
    except ConfigurationError:
        return  # blanks beyond ASCII
    assert parse_webhook_url(portal.method_url("scope")).portal == portal
