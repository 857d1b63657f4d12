from __future__ import annotations

import pytest

from airflow_provider_bitrix24._tasks.firing import FiringRequest
from airflow_provider_bitrix24.client.errors import ConfigurationError

ARGUMENTS = {
    "entity_type": None,
    "code": "c5u4m",
    "expected_stage": None,
    "verify": True,
    "on_unmoved": None,
    "wait_timeout": None,
}


def parse(target="DEAL_57", **arguments):
    return FiringRequest.parse(target, **ARGUMENTS | arguments)


def test_each_entity_is_there_once_in_the_given_order():
    refs = parse(["DEAL_58", "deal_57", "DYNAMIC_2_58"]).refs

    assert [str(ref) for ref in refs] == ["DEAL_58", "DEAL_57"]


def test_entities_that_are_parsed_already_are_taken_as_they_are():
    refs = parse(["DEAL_57", "LEAD_4"]).refs

    assert parse(refs).refs == refs


@pytest.mark.parametrize("code", [None, ""])
def test_without_a_code_the_connection_chooses(code):
    assert parse(code=code).code is None


@pytest.mark.parametrize(
    ("expected_stage", "expected", "on_unmoved"),
    [(None, None, "warn"), ("WON", {"WON"}, "fail"), ([" WON", "C5:WON"], {"WON", "C5:WON"}, "fail")],
)
def test_an_expected_stage_makes_a_firing_repeatable_and_unmoved_entities_a_failure(
    expected_stage, expected, on_unmoved
):
    request = parse(expected_stage=expected_stage)

    assert request.expected == expected
    assert request.repeatable is (expected is not None)
    assert request.on_unmoved == on_unmoved


def test_on_unmoved_of_the_operator_takes_precedence():
    assert parse(expected_stage="WON", on_unmoved="ignore").on_unmoved == "ignore"


def test_it_waits_only_with_a_timeout():
    assert not parse(expected_stage="WON").waits
    assert parse(expected_stage="WON", wait_timeout=0).waits


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"target": None}, "target is None"),
        ({"target": "57"}, "target is malformed"),
        ({"code": 5}, "code is of type int"),
        ({"expected_stage": []}, r"expected_stage is \[\]"),
    ],
)
def test_the_error_names_a_wrong_argument(arguments, words):
    with pytest.raises(ConfigurationError, match=words):
        parse(**arguments)
