"""Arguments that go together: the client and the tasks refuse the same with the same sentence."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.combinations import check_bool, check_choice, check_or_later, check_verify
from airflow_provider_bitrix24.client.errors import ConfigurationError


@pytest.mark.parametrize("value", ["False", "", 0, 1, None, []])
def test_only_true_and_false_are_truth_values(value):
    check_bool("durable", True)
    check_bool("durable", False)
    with pytest.raises(ConfigurationError) as caught:
        check_bool("durable", value)
    assert str(caught.value) == f"durable is {value!r}. Pass True or False."


def test_a_value_that_is_not_a_choice_is_named_with_the_choices():
    check_choice("require", "any", ("all", "any"))
    with pytest.raises(ConfigurationError) as caught:
        check_choice("require", "some", ("all", "any"))
    assert str(caught.value) == "require is 'some'. Use one of all, any."


def test_or_later_needs_expected_stages():
    check_or_later(or_later=True, expects=True)
    check_or_later(or_later=False, expects=False)
    with pytest.raises(ConfigurationError, match=r"^or_later is given without expected_stage\."):
        check_or_later(or_later=True, expects=False)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"expects": True}, "expected_stage"),
        ({"expects": False, "fails_on": True}, "fail_on"),
        ({"expects": True, "fails_on": True, "waits": True}, "expected_stage and fail_on and wait_timeout"),
        ({"expects": False, "on_unmoved": "skip"}, "on_unmoved='skip'"),
    ],
)
def test_without_reading_nothing_can_be_expected(given, named):
    check_verify(verify=True, **given)
    with pytest.raises(ConfigurationError) as caught:
        check_verify(verify=False, **given)
    assert caught.value.message == f"verify=False reads nothing, so {named} cannot work."


def test_without_reading_unmoved_entities_may_be_ignored():
    check_verify(verify=False, expects=False, on_unmoved="ignore")
    check_verify(verify=False, expects=False)
