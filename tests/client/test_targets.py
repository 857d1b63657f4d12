"""Targets: every spelling that is accepted, every typo that is refused, and what its message says."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.targets import parse_targets

SECRET = "s3cr3t0fth3w3bh00k"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("DEAL_57", "DEAL_57"),
        ("deal_57", "DEAL_57"),
        (" DEAL_57", "DEAL_57"),
        ("DEAL_57\n", "DEAL_57"),
        ("\ufeffDEAL_57", "DEAL_57"),
        ("\u200bDEAL_57\u2060\xa0", "DEAL_57"),
        ("DEAL_057", "DEAL_57"),
        ("DEAL _57", "DEAL_57"),
        ("DYNAMIC_2_57", "DEAL_57"),
        ("dynamic_02_057", "DEAL_57"),
        ("DYNAMIC_31_5", "SMART_INVOICE_5"),
        ("DYNAMIC_1_5", "LEAD_5"),
        ("DYNAMIC_177_5", "DYNAMIC_177_5"),
        ("Smart_Invoice_12", "SMART_INVOICE_12"),
        ("SMART_DOCUMENT_1", "SMART_DOCUMENT_1"),
        ("SMART_B2E_DOC_1", "SMART_B2E_DOC_1"),
        ("LEAD_4", "LEAD_4"),
        ("QUOTE_3", "QUOTE_3"),
        ("ORDER_9", "ORDER_9"),
        ("CONTACT_7", "CONTACT_7"),
        ("COMPANY_7", "COMPANY_7"),
        ("DEAL_9223372036854775807", "DEAL_9223372036854775807"),
    ],
)
def test_every_spelling_has_one_canonical_form(written, canonical):
    assert str(EntityRef.parse(written)) == canonical
    assert [str(ref) for ref in parse_targets([written, canonical])] == [canonical]


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("None", "its template, or the task that it comes from, gave nothing."),
        ("57", "underscore"),
        ("DEAL57", "underscore"),
        ("FOO_57", "'FOO' is not known."),
        ("LEED_4", "'LEED' is not known. Did you mean LEAD_4?"),
        ("deals_57", "'DEALS' is not known. Did you mean DEAL_57?"),
        ("QOUTE_3", "Did you mean QUOTE_3?"),
        ("SMARTINVOICE_12", "Did you mean SMART_INVOICE_12?"),
        ("_57", "not known"),
        ("D_57", "write DEAL_57"),
        ("CO_7", "write COMPANY_7"),
        ("si_12", "write SMART_INVOICE_12"),
        ("T80_6", "write DYNAMIC_128_6"),
        ("Tb1_6", "write DYNAMIC_177_6"),
        ("INVOICE_5", "write SMART_INVOICE_5"),
        ("DYNAMIC_5_7", "write SMART_INVOICE_7"),
        ("DYNAMIC_7", "DYNAMIC_177_5"),
        ("DYNAMIC_0_7", "not known"),
        ("DYNAMIC_x_7", "not known"),
        ("DEAL_", "its id is missing"),
        ("DEAL_None", "its id is missing: the template"),
        ("DEAL_nan", "its id is missing"),
        ("nan", "gave nothing"),
        ("DEAL_57.0", "the id '57.0' is not a whole number; write DEAL_57."),
        ("DEAL_57, DEAL_58", "it names several entities; pass a list, such as ['DEAL_57', 'DEAL_58']."),
        ("DEAL_57\nLEAD_4", "pass a list, such as ['DEAL_57', 'LEAD_4']."),
        ("57;58", "pass a list, such as ['57', '58']."),
        ("('DEAL_57', 'DEAL_58')", "a list, a row or an object that a template turned into text"),
        ("{'id': 57}", "a list, a row or an object that a template turned into text"),
        ("LazySelectSequence([2 items])", "that a template turned into text"),
        ("<generator object find at 0x7f0dd7a6c730>", "that a template turned into text"),
        ("DEAL_57abc", "positive whole number"),
        ("DEAL_0", "positive whole number"),
        ("DEAL_00", "positive whole number"),
        ("DEAL_-5", "positive whole number"),
        ("DEAL_1e3", "positive whole number"),
        ("DEAL_57.9", "positive whole number"),
        ("DEAL_ 57", "positive whole number"),
        ("DEAL_\u0665\u0667", "positive whole number"),
        ("DEAL_9223372036854775808", "is too large; the largest is 9223372036854775807."),
        ("DEAL_{{ID}}", "template"),
        ("{{ ti.xcom_pull() }}", "template"),
        ("{% if x %}DEAL_1{% endif %}", "template"),
        (57, "an id without a type"),
        (Decimal("57.00"), "an id without a type"),
        (57.5, "an id without a type"),
        (float("nan"), "a target is missing"),
        (None, "a target is missing"),
        (True, "a truth value is not a target"),
        (date(2026, 11, 26), "a date is not a target"),
        (b"DEAL_57", "bytes is not a target"),
        ([57], "a row without a type"),
        ({"id": 57}, "a row without a type"),
        ({"code": "c", "portal": "", "moved": 1, "results": []}, "the report of a task; pass the targets"),
        (["DEAL_57", 58], "a list in the list that holds something other than targets"),
        (object(), "an object is not a target"),
    ],
)
def test_a_typo_is_refused_with_what_to_write_instead(written, advice):
    with pytest.raises(ConfigurationError) as caught:
        EntityRef.parse(written)
    assert advice in str(caught.value)
    assert caught.value.executed == "no"
    assert caught.value.permanent
    with pytest.raises(ConfigurationError, match="malformed"):
        parse_targets(["DEAL_1", written])


@pytest.mark.parametrize(
    "pasted",
    [
        f"https://example.bitrix24.com/rest/1/{SECRET}/crm.automation.trigger/?target=DEAL_57&code=c",
        f"example.bitrix24.com/rest/1/{SECRET}/?target=DEAL_57",
        f" HTTPS://EXAMPLE/rest/1/{SECRET}/_57",
        {"url": f"https://x/rest/1/{SECRET}/"},
        [f"https://x/rest/1/{SECRET}/"],
        (f"https://x/rest/1/{SECRET}/", 1),
        f"https://x/rest/1/{SECRET}/".encode(),
    ],
)
def test_a_pasted_url_is_refused_and_never_repeated(pasted):
    with pytest.raises(ConfigurationError) as one:
        EntityRef.parse(pasted)
    with pytest.raises(ConfigurationError) as many:
        parse_targets([pasted])
    for caught in (one, many):
        assert SECRET not in str(caught.value).lower()


def test_a_message_that_says_what_to_write_does_not_say_it_twice():
    with pytest.raises(ConfigurationError) as one:
        parse_targets(["D_57"])
    with pytest.raises(ConfigurationError) as both:
        parse_targets(["D_57", "FOO_1"])
    assert str(one.value) == (
        "One target is malformed; nothing was sent. target[0] is 'D_57': short forms are not accepted; write DEAL_57."
    )
    assert str(both.value).endswith("SMART_INVOICE_12 or DYNAMIC_177_5.")


def test_a_message_stays_short_whatever_was_passed():
    for monster in ("A" * 100_000 + "_1", "DEAL_" + "9" * 100_000, "DEAL_" + "x" * 100_000, "x" * 100_000):
        with pytest.raises(ConfigurationError) as caught:
            parse_targets([monster] * 20)
        assert len(str(caught.value)) < 3000


def test_all_bad_targets_are_named_in_one_message():
    bad = [f"FOO_{number}" for number in range(1, 13)]
    with pytest.raises(ConfigurationError) as caught:
        parse_targets(["DEAL_1", *bad])
    text = str(caught.value)
    assert "12 targets are malformed; nothing was sent." in text
    assert all(f"'{each}'" in text for each in bad[:10])
    assert "FOO_11" not in text
    assert "(and 2 more)" in text


def test_duplicates_in_any_spelling_are_kept_once_in_order():
    refs = parse_targets(["DEAL_2", "deal_1", "DYNAMIC_2_02", " DEAL_1", EntityRef(2, 1), "LEAD_1"])
    assert [str(ref) for ref in refs] == ["DEAL_2", "DEAL_1", "LEAD_1"]


def test_lists_of_mapped_tasks_and_rows_of_targets_are_taken_as_one_list():
    refs = parse_targets([["DEAL_1", "LEAD_2"], [], ["DEAL_1"], ("DEAL_3",), "DEAL_4"])

    assert [str(ref) for ref in refs] == ["DEAL_1", "LEAD_2", "DEAL_3", "DEAL_4"]
    assert parse_targets([[], []]) == []
    assert parse_targets([{"DEAL_1": "NEW"}, {"DEAL_2 ": "WON"}]) == parse_targets(["DEAL_1", "DEAL_2"])
    with pytest.raises(ConfigurationError, match=r"One target is malformed; nothing was sent\. target\[1\] is"):
        parse_targets([["DEAL_1"], [["DEAL_2"]]])


@pytest.mark.parametrize("entity_type", [None, "LEAD"])
def test_what_a_sensor_returns_is_taken_as_its_targets(entity_type):
    refs = parse_targets({"DEAL_57": "NEW", "DEAL_58": "WON"}, entity_type)

    assert [str(ref) for ref in refs] == ["DEAL_57", "DEAL_58"]
    assert parse_targets({}, entity_type) == []


def test_one_target_a_generator_and_an_empty_list_are_accepted():
    assert parse_targets("DEAL_1") == parse_targets(EntityRef(2, 1)) == parse_targets(("DEAL_1",))
    assert parse_targets(f"DEAL_{each}" for each in (1, 2)) == [EntityRef(2, 1), EntityRef(2, 2)]
    assert parse_targets([]) == []


@pytest.mark.parametrize(
    ("target", "advice"),
    [
        (None, "returned nothing or was skipped"),
        ("['DEAL_57']", "render_template_as_native_obj"),
        ("  [", "task.output"),
        (57, "type int"),
        ({"title": 1}, "type dict"),
        ({"DEAL_57": "NEW", "title": 1}, "type dict"),
        ({"code": "c5u4m", "portal": "", "moved": 1, "results": []}, "target is the report of a task."),
        (b"DEAL_57", "type bytes"),
    ],
)
def test_anything_else_is_refused_with_its_likely_reason(target, advice):
    with pytest.raises(ConfigurationError) as caught:
        parse_targets(target)
    assert advice in str(caught.value)


class NumPyInteger:
    def __index__(self):
        return 57

    def __repr__(self):
        return "np.int64(57)"


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ([(57,), (58,)], "(57,)"),
        ([(57, "Desk")], "(57, 'Desk')"),
        ({"id": 57}, "{'id': 57}"),
        ([{"id": 57}], "{'id': 57}"),
        ([NumPyInteger()], "np.int64(57)"),
        (NumPyInteger(), "np.int64(57)"),
        (57, "57"),
        ([57], "57"),
        ("57", "'57'"),
        ([[57]], "[57]"),
        (iter([(57,)]), "(57,)"),
        ([10**5000], "an int"),
    ],
)
def test_ids_and_rows_are_shown_with_the_line_that_mends_them(target, shown):
    with pytest.raises(ConfigurationError) as caught:
        parse_targets(target)
    assert shown in str(caught.value)
    assert 'add entity_type="DEAL"' in str(caught.value)


def test_a_row_that_may_hold_a_webhooks_url_is_not_repeated():
    with pytest.raises(ConfigurationError) as caught:
        parse_targets([(57, "https://example.bitrix24.com/rest/1/s3cr3t/")])
    assert "s3cr3t" not in str(caught.value)
