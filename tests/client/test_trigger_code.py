"""The code of a trigger: what is one, what stands for none, and what is refused without repeating it."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.trigger_code import checked_code


@pytest.mark.parametrize(
    "code", ["c5u4m", "with blanks", "ключ", "$result[a]", "0", "/", "a/rest", "code", "mycode=1", "a=b"]
)
def test_any_text_may_be_a_code_and_is_left_as_it_is(code):
    assert checked_code(code) == code


@pytest.mark.parametrize("code", [" exec ", "exec\n", "\texec", "\ufeffexec", "exec\u200b", "\xa0exec\r\n"])
def test_blanks_around_a_code_are_no_part_of_it_also_those_that_nobody_sees(code):
    assert checked_code(code) == "exec"


@pytest.mark.parametrize("code", [None, ""])
def test_an_empty_code_is_none(code):
    assert checked_code(code) is None


@pytest.mark.parametrize(
    ("code", "named"),
    [
        (5, "code is of type int"),
        (b"c5u4m", "code is of type bytes"),
        (["c5u4m"], "code is of type list"),
        (" \n", "code is blank"),
        ("{{ params.code }}", "code is a template that was not rendered"),
        ("\ud800", "code contains an unpaired surrogate"),
        ("https://example.bitrix24.com/rest/1/s3cr3t/", "code is a URL"),
        ("example.bitrix24.com/rest/1/s3cr3t/", "code is a URL"),
        ("code=s3cr3t", "code is a URL, or a part of one"),
        (" Code=s3cr3t", "code is a URL"),
        ("?code=s3cr3t", "code is a URL"),
        ("&code=s3cr3t", "code is a URL"),
        ("target=DEAL_{ID}&code=s3cr3t", "code is a URL"),
        ("crm.automation.trigger/?target=DEAL_1&code=s3cr3t", "code is a URL"),
    ],
)
def test_what_cannot_be_a_code_is_refused_without_repeating_it(code, named):
    with pytest.raises(ConfigurationError) as caught:
        checked_code(code)
    assert named in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
