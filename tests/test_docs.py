"""The documentation against the package: generated parts, links, names, messages, tables."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

from scripts.refresh_docs import PAGES, examples, refreshed
from tests.support.messages import fits, texts_in_code

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "airflow_provider_bitrix24"
TEXTS = [
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "constraints" / "README.md")
    if path.is_file()
]


def anchors(path: Path) -> set[str]:
    """Anchors of a page's headings, as forges make them, and those set by hand."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return made | set(re.findall(r'<a id="([^"]+)"', text))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_examples_and_tables_are_up_to_date(path):
    assert path.read_text() == refreshed(path.read_text()), "run make docs"


def test_every_marked_example_is_shown():
    shown = {name for path in PAGES for name in re.findall(r"<!-- example: (\w+)(?: as \S+)? -->", path.read_text())}
    assert shown == set(examples())


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = re.sub(r"^```.*?^```|`[^`\n]+`", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_what_docstrings_refer_to_is_in_the_documentation():
    references = {
        reference
        for path in PACKAGE.rglob("*.py")
        for reference in re.findall(r":ref:`(howto/[^`]+)`", path.read_text())
    }
    assert references
    assert references <= {anchor for path in (ROOT / "docs").glob("*.md") for anchor in anchors(path)}


def test_the_page_of_the_connection_names_every_field_and_no_other():
    from airflow_provider_bitrix24.client.settings import ClientSettings
    from airflow_provider_bitrix24.connection_form import EXTRA_FIELDS

    table = (ROOT / "docs" / "connection.md").read_text().partition("| extra |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]+?)`? \|", table, flags=re.MULTILINE))
    assert list(rows) == list(EXTRA_FIELDS)
    settings = ClientSettings()
    for name in ("max_concurrency", "settle_after", "connect_timeout", "read_timeout"):
        assert float(rows[name]) == getattr(settings, name)


BLOCKS = {
    "trigger-automation-operator.md": "operators.automation.TriggerAutomationOperator",
    "execute-trigger-operator.md": "operators.automation.ExecuteTriggerOperator",
    "find-entities-operator.md": "operators.entities.FindEntitiesOperator",
    "update-entities-operator.md": "operators.entities.UpdateEntitiesOperator",
    "sensors.md": "sensors.stage.StageSensor",
    "triggers.md": "triggers.stage.StageChangeEventTrigger",
    "stage-trigger.md": "triggers.stage.StageTrigger",
    "notifications.md": "notifications.automation.TriggerAutomationNotifier",
    "retry-policy.md": "retry_policy.Bitrix24RetryPolicy",
    "hook.md": "hooks.bitrix24.Bitrix24Hook",
    "decorators.md": None,
    "client.md": None,
}
"""Page -> the class that it explains, if its page has a table of all of its arguments."""


def own_arguments(path: str) -> dict[str, inspect.Parameter]:
    """The arguments that a class names, without what it takes for its base."""
    module, _, name = path.rpartition(".")
    cls = getattr(importlib.import_module(f"airflow_provider_bitrix24.{module}"), name)
    signature = inspect.signature(inspect.unwrap(vars(cls)["__init__"]))
    return {name: each for name, each in signature.parameters.items() if name not in ("self", "kwargs")}


def section(page: Path, heading: str) -> str:
    """The part of a page below a heading of the second level."""
    return page.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("page", BLOCKS)
def test_each_building_block_has_a_page_that_begins_with_an_example(page):
    text = (ROOT / "docs" / page).read_text()
    shown = text.index("```python")
    assert shown < text.index("\n## ")
    assert shown < text.find("\n|---") or "\n|---" not in text
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert {"Arguments", "Errors", "See also"} <= set(headings)
    assert {"What it returns", "What its methods return"} & set(headings) or page == "retry-policy.md"
    assert f"({page})" in (ROOT / "docs" / "operators.md").read_text()


@pytest.mark.parametrize("page", [page for page, path in BLOCKS.items() if path])
def test_tables_of_arguments_name_every_argument(page):
    text = section(ROOT / "docs" / page, "Arguments")
    named = set(re.findall(r"^\| `(\w+)` \|", text, flags=re.MULTILINE))
    if page == "execute-trigger-operator.md":
        named |= set(re.findall(r"`(\w+)`", text)) - {"oauth", "bitrix24_default"}
    assert named == set(own_arguments(BLOCKS[page]))


def shown_value(cell: str) -> object:
    """The value that a cell of a table shows; a text where it is not a literal of Python."""
    try:
        return ast.literal_eval(cell.strip("`"))
    except (SyntaxError, ValueError):
        return cell.strip("`")


@pytest.mark.parametrize("page", [page for page, path in BLOCKS.items() if path])
def test_tables_of_arguments_show_the_defaults(page):
    arguments = own_arguments(BLOCKS[page])
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*?) ?\|", section(ROOT / "docs" / page, "Arguments"), flags=re.MULTILINE)
    assert rows
    for name, cell in rows:
        default = arguments[name].default
        if default is inspect.Parameter.empty:
            assert not cell, name
        elif default in (None, ()) or name == "deferrable":
            assert isinstance(shown_value(cell), str), name  # in words: what takes its place
            assert cell, name
        else:
            assert shown_value(cell) == default, name


def test_the_table_of_commands_names_every_command_with_its_options():
    from airflow_provider_bitrix24.commands import ARGUMENTS

    rows = re.findall(
        r"^\| `(\w+)\b(.*) \|$", section(ROOT / "docs" / "configuration.md", "Commands"), flags=re.MULTILINE
    )
    assert sorted(name for name, _ in rows) == sorted(ARGUMENTS)
    for name, row in rows:
        assert [each for each in ARGUMENTS[name] if each.startswith("-") and each not in row] == [], name


def test_the_reference_names_every_key_that_tasks_leave_in_airflow():
    page = (ROOT / "docs" / "configuration.md").read_text()
    keys = {
        key
        for path in PACKAGE.rglob("*.py")
        for key in re.findall(r'^\w*KEY = "(\w+)"$', path.read_text(), flags=re.MULTILINE)
    }
    assert "bitrix24_firing_done" in keys
    assert {key for key in keys if f"`{key}`" not in page and not key.startswith("bitrix24_firing_")} == set()


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("0*.md")), ids=lambda path: path.stem[:4])
def test_files_that_a_decision_names_exist(path):
    text = path.read_text()
    replaced = "**Replaced by" in text
    files = re.findall(r"`((?:\w+/)+\w+\.\w+)`", text)
    roots = (ROOT, PACKAGE, PACKAGE / "client")
    assert replaced or [each for each in files if not any((root / each).exists() for root in roots)] == []


def test_the_walks_through_the_code_name_what_is_there():
    walks = " ".join(section(ROOT / "CONTRIBUTING.md", "Four short walks").split())
    roots = (ROOT, PACKAGE, ROOT / "tests")
    files = {each: [root / each for root in roots] for each in re.findall(r"`((?:\w+/)+(?:\w+\.\w+)?)`", walks)}
    assert len(files) > 20
    assert [each for each, places in files.items() if not any(place.exists() for place in places)] == []
    named = re.findall(r"((?:`\w+`(?:,? (?:and )?)?)+)(?:of|in) `([\w/]+\.py)`", walks)
    named += [(names, file) for file, names in re.findall(r"`([\w/]+\.py)` \(((?:`\w+`(?:, )?)+)", walks)]
    assert len(named) > 5
    for names, file in named:
        defined = re.findall(r"^ *(?:def )?(\w+)\b", (PACKAGE / file).read_text(), flags=re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", names)) <= set(defined), file


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.stem)
def test_code_is_python_and_what_it_imports_from_the_package_exists(path):
    for source in re.findall(r"^```python\n(.*?)^```", path.read_text(), flags=re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("airflow_provider_bitrix24"):
                module = importlib.import_module(node.module)
                assert [each.name for each in node.names if not hasattr(module, each.name)] == []


def test_messages_in_the_table_of_the_readme_are_those_that_users_see():
    from airflow_provider_bitrix24.client.protocol.error_codes import CODES

    table = (ROOT / "README.md").read_text().partition("| you see | do this |")[2].partition("\n\n")[0]
    shown = re.findall(r"^\| `([^`]+)`", table, flags=re.MULTILINE)
    assert shown
    assert [each for each in shown if each not in CODES and not any(fits(each, text) for text in texts_in_code())] == []


def test_the_api_reference_lists_every_public_method_of_clients_and_hook():
    from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
    from airflow_provider_bitrix24.compat import BaseHook
    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

    airflows = {*dir(BaseHook), "get_connection_form_widgets", "get_ui_field_behaviour"} - {"get_conn"}
    for cls in (Bitrix24Client, AsyncBitrix24Client, Bitrix24Hook):
        page = (ROOT / "docs" / "api" / ("hooks.md" if cls is Bitrix24Hook else "client.md")).read_text()
        section = re.split(
            r"^\.\. auto|^## ", page.partition(f"{cls.__name__}\n   :no-members:")[2], flags=re.MULTILINE
        )[0]
        listed = re.findall(r"^   \.\. auto(?:method|property):: (\w+)$", section, flags=re.MULTILINE)
        own = {name for name in dir(cls) if not (name.startswith("_") or isinstance(getattr(cls, name), str))}
        assert set(listed) - {"test_connection"} == own - airflows - {"test_connection"}, cls.__name__
        assert len(listed) == len(set(listed))


def test_every_kind_of_generated_part_is_on_some_page():
    shown = {
        kind for path in PAGES for kind in re.findall(r"<!-- (example|codes|causes|benchmarks)\b", path.read_text())
    }
    assert shown == {"example", "codes", "causes", "benchmarks"}


def test_commands_of_make_that_pages_name_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for path in TEXTS:
        blocks = re.findall(r"^```shell\n(.*?)^```", path.read_text(), flags=re.MULTILINE | re.DOTALL)
        code = "\n".join([*blocks, *re.findall(r"`(make [^`]+)`", path.read_text())])
        for target in re.findall(r"^(?:\$ )?make ([a-z-]+)", code, flags=re.MULTILINE):
            assert target in targets, f"{path.name}: make {target}"


def test_the_rooms_and_names_that_contributing_walks_through_exist():
    walks = (ROOT / "CONTRIBUTING.md").read_text().partition("## Four short walks")[2].partition("\n## ")[0]
    quoted = set(re.findall(r"`([^`]+)`", walks))
    paths = {each for each in quoted if re.fullmatch(r"[\w/]+(?:\.py|\.md|/)", each)}
    names = {each for each in quoted - paths if re.fullmatch(r"_?[A-Z]\w+|[a-z]+_\w+", each)}
    code = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))

    assert {
        each for each in paths if not any((root / each).exists() for root in (PACKAGE, ROOT, ROOT / "tests"))
    } == set()
    assert {each for each in names if not re.search(rf"\b{each}\b", code)} == set()
    assert paths
    assert names


def test_a_test_file_is_named_after_its_module_or_says_what_it_is_about():
    modules = {path.stem.strip("_") for path in PACKAGE.rglob("*.py")}
    silent = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if path.stem.removeprefix("test_") not in modules and ast.get_docstring(ast.parse(path.read_text())) is None
    }
    assert silent == set()
