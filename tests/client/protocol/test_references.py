"""References between commands: the caller's keys become those of the request, and nothing else is touched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.protocol.references import Answered, References, Usage, looks_like_reference
from airflow_provider_bitrix24.simulator.rest import batch as portal

KEYS = ("one", "my deal", "c1", "a.b")
SENT_AS = {"one": "c0", "my deal": "c1", "c1": "c2", "a.b": "c3"}


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("$result[one][item][id]", "$result[c0][item][id]"),
        ("$RESULT[one]", "$RESULT[c0]"),
        ("$result[my deal][item][id]", "$result[c1][item][id]"),
        ("$result[c1][0]", "$result[c2][0]"),
        ("$total[a.b] rows", "$total[c3] rows"),
        ("deal $result[one][id] of $next[c1] and more", "deal $result[c0][id] of $next[c2] and more"),
        ("DEAL_$result[one][id]", "DEAL_$result[c0][id]"),
    ],
)
def test_the_callers_keys_become_those_of_the_request(text, sent):
    references = References(KEYS)
    params = {"fields": {"title": text, "list": [text, 5]}, "id": 5}
    usage = references.usage("upd", params)
    assert usage.keys
    assert not usage.foreign
    assert references.translated(params, SENT_AS) == {"fields": {"title": sent, "list": [sent, 5]}, "id": 5}


@pytest.mark.parametrize("text", ["see $result[c0][item][title]", "$RESULT[One] x", "a $error[x]b", "$$time[y] z"])
def test_what_merely_looks_like_a_reference_is_noticed(text):
    assert References(KEYS).usage("upd", {"fields": {"title": text}}) == Usage(frozenset(), foreign=True)


@pytest.mark.parametrize(
    "text", ["$5", "$result", "$result of [x]", "result[one]", "[one]", "$results [one]", "", "100 $"]
)
def test_an_ordinary_text_is_no_reference(text):
    assert References(KEYS).usage("upd", {"x": text}) == Usage()


@pytest.mark.parametrize(
    "text",
    [
        "$result[one][id], please",
        "$result[one][id].",
        "$result[one][id]$result[c1][id]",
        "$result[one][field name]",
        "$next-$result[one][id]",
        "$result[one][id]\u00a0x",
    ],
)
def test_a_text_right_beside_a_reference_is_refused_since_the_portal_would_swallow_it(text):
    with pytest.raises(ConfigurationError, match="right beside a reference"):
        References(KEYS).usage("upd", {"x": text})


def test_a_value_that_is_a_reference_to_no_command_is_a_typo():
    with pytest.raises(ConfigurationError, match="'upd' refers to 'on', which is not a key") as caught:
        References(KEYS).usage("upd", {"id": "$result[on][item][id]"})
    assert "one" in caught.value.hint


@given(st.text("$result[]oneNEXT ab\n", max_size=40))
def test_the_portal_replaces_exactly_the_references_that_were_meant(text):
    """Held against the simulator, which reads commands as the portal does."""
    try:
        usage = References(["one"]).usage("upd", {"x": text})
    except ConfigurationError:
        return
    found = portal._REFERENCE.finditer(References(["one"]).translated({"x": text}, {"one": "c0"})["x"])
    replaced = [match[0] for match in found if portal._INDEX.search(match[2])]
    if not usage.foreign:
        assert all(each.lower().startswith(("$result[c0]", "$next[c0]")) for each in replaced)
        assert bool(replaced) == bool(usage.keys)
    else:
        assert replaced
    assert looks_like_reference(text) == bool(usage.keys or usage.foreign)


ANSWERED = {"one": Answered({"item": {"id": 57, "title": "Pipes", "list": ["a"], "none": None}}, total=3)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$result[one][item][id]", 57),
        ("$result[one][item][list]", ["a"]),
        ("$result[one][item][list][0]", "a"),
        ("deal $result[one][item][id] of $total[one]", "deal 57 of 3"),
        ("no reference", "no reference"),
    ],
)
def test_values_of_commands_that_have_run_are_put_in_as_the_portal_does(text, value):
    assert References(["one"]).resolved({"x": [text]}, ANSWERED) == {"x": [value]}


@pytest.mark.parametrize(
    "text",
    [
        "$result[one][item][nothing]",
        "$result[one][item][none]",
        "a $result[one][item][list] b",
        "$next[one]",
        "$time[one]",
        "$result[one][item][list][5]",
    ],
)
def test_a_value_that_is_not_there_is_never_replaced_by_something_else(text):
    with pytest.raises(LookupError):
        References(["one"]).resolved({"x": text}, ANSWERED)
