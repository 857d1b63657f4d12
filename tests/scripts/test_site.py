"""The check of links in the built site, and the pages that name what is public."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_bitrix24 import client
from scripts.site import broken_links

API = Path(__file__).parents[2] / "docs" / "api"


def test_a_link_to_no_file_and_one_to_no_anchor_are_named(tmp_path):
    (tmp_path / "ru").mkdir()
    (tmp_path / "index.html").write_text(
        '<h1 id="top"></h1><a href="#top"></a><a href="#bottom"></a><a href="ru/index.html#%D1%8F"></a>'
        '<a href="missing.html"></a><img src="no.png"><a href="https://example.com/x"></a><a href="mailto:a@b.c"></a>'
    )
    (tmp_path / "ru" / "index.html").write_text('<h1 id="я"></h1><a href="../index.html#top"></a>')

    assert broken_links(tmp_path) == [
        "index.html: #bottom leads to no anchor",
        "index.html: missing.html leads to no file",
        "index.html: no.png leads to no file",
    ]


def test_the_reference_of_the_client_names_all_that_is_public():
    named = re.findall(r"^\.\. auto\w+:: (\w+)$", (API / "client.md").read_text(), flags=re.MULTILINE)
    assert sorted(named) == sorted(client.__all__)


@pytest.mark.parametrize("path", sorted(API.glob("*.md")), ids=lambda path: path.stem)
def test_the_reference_is_made_from_modules_that_exist(path):
    package = API.parents[1]
    for module in re.findall(r"automodule:: (\S+)", path.read_text()):
        file = package / module.replace(".", "/")
        assert file.with_suffix(".py").is_file() or (file / "__init__.py").is_file(), module
