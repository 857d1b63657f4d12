"""What is packed comes back, also where another release has packed it."""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.packing import pack, pack_json, unpack, unpack_json

PACKED_BY_0_1_0 = "eJyLVnJxdfSJNzVX0lGAMi2UYgE9XQVQ"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 9))
def test_a_text_comes_back_at_any_level(text, level):
    packed = pack(text, level=level)
    assert packed.isascii()
    assert unpack(packed) == text


def test_a_list_comes_back_also_from_version_0_1_0():
    targets = ["DEAL_57", "DEAL_58"]
    assert unpack_json(pack_json(targets)) == targets
    assert unpack_json(PACKED_BY_0_1_0) == targets


def test_a_long_list_is_packed_small():
    assert len(pack_json([f"DEAL_{number}" for number in range(100_000)])) < 400_000


@pytest.mark.parametrize(
    "packed",
    [
        "",
        "nonsense",
        "ä",
        base64.b64encode(b"not compressed").decode(),
        base64.b64encode(zlib.compress(b"cut off")[:-6]).decode(),
        base64.b64encode(zlib.compress(b"\xff")).decode(),
    ],
)
def test_what_was_not_packed_is_a_value_error(packed):
    with pytest.raises(ValueError, match=r"."):
        unpack(packed)
    with pytest.raises(ValueError, match=r"."):
        unpack_json(packed)


def test_what_is_not_json_is_a_value_error():
    with pytest.raises(json.JSONDecodeError):
        unpack_json(pack("{"))


@pytest.mark.parametrize(
    "bomb", ["[" + "[]," * 5_000_000 + "[]]", "[" + "1," * 5_000_000 + "1]", '"' + "x" * 70_000_000 + '"']
)
def test_what_would_take_much_more_memory_than_ours_is_a_value_error(bomb):
    with pytest.raises(ValueError, match=r"memory|larger"):
        unpack_json(pack(bomb, level=1))
