from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.secret_text import (
    LiveSecrets,
    SecretBytes,
    SecretText,
    forms_of,
)

SECRET = "s3cr3t%&'(~ä+/x"


def test_a_secret_is_a_text_that_repr_does_not_show():
    secret = SecretText(SECRET)
    assert (secret, str(secret), f"{secret}", len(secret)) == (SECRET, SECRET, SECRET, len(SECRET))
    assert type(str(secret)) is str
    assert SECRET not in repr([secret, {"a": secret}])
    for again in (copy.deepcopy(secret), pickle.loads(pickle.dumps(secret))):  # noqa: S301
        assert again == SECRET
        assert repr(again) == "'***'"


@pytest.mark.parametrize("secret", [SecretText(SECRET * 9), SecretBytes(SECRET.encode() * 9)])
def test_a_part_of_a_secret_is_not_shown_either(secret):
    """rich and structlog print the first 80 characters of a text."""
    assert f"{secret[:80]!r}+55".endswith("'***'+55")
    assert secret[1:-1] in secret
    assert secret[-1] == (ord("x") if isinstance(secret, bytes) else "x")


@given(st.text(min_size=6, max_size=40, alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_form_of_a_secret_in_use_is_hidden(secret):
    live = LiveSecrets()
    live.add(secret)
    for form in forms_of(secret):
        assert live.hide(f"before {form} after") == "before *** after"


def test_the_case_of_percent_encoding_does_not_matter():
    live = LiveSecrets()
    live.add("a1b2c3/+ä")
    assert live.hide("x a1b2c3%2f%2b%c3%a4 y") == "x *** y"
    assert live.hide("x a1b2c3%252f%252b%25c3%25a4 y") == "x *** y"


def test_json_shows_no_secret():
    live = LiveSecrets()
    live.add('a"/\u0451-secret')
    for shown in (json.dumps('a"/\u0451-secret'), '"a\\"\\/\\u0451-secret"', '"a\\"\\/\u0451-secret"'):
        assert live.hide(f"x {shown} y") == 'x "***" y'


def test_bytes_show_no_secret():
    live = LiveSecrets()
    live.add("p\u00e4ssword'1")
    shown = repr((b"me", "p\u00e4ssword'1".encode()))
    assert live.hide(shown) == """(b'me', b"***")"""


def test_a_short_text_is_not_hidden():
    live = LiveSecrets()
    live.add("12345")
    assert live.hide("12345") == "12345"


def test_very_many_secrets_do_not_grow_without_end():
    live = LiveSecrets()
    for number in range(1000):
        live.add(f"secret{number:06}")
    assert live.hide("secret000999 secret000001") == "*** secret000001"
    assert len(live._secrets) == 100


def test_a_secret_that_is_used_is_not_forgotten():
    live = LiveSecrets()
    for number in range(1000):
        live.add("the webhook's secret")
        live.add(f"token{number:06}")
    assert live.hide("the webhook's secret token000999") == "*** ***"
    assert len(live._secrets) == 100
