"""Targets as tasks pass them: a text, lists, lists of lists, mappings, and with a type bare ids and rows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from airflow_provider_bitrix24.client.entity_ref import HOW_TO_WRITE, EntityRef, list_of_targets, parse_text
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.plain import NO_TEMPLATE, a_kind_of, scalar

Rows = str | int | EntityRef | Iterable[object]
"""One target or several, or with an ``entity_type`` also bare ids, rows of a query, or a column of a data frame."""
_BARE_IDS = 'To pass ids or rows of a query, add entity_type="DEAL" (or another type).'


def parse_targets(target: object, entity_type: str | None = None) -> list[EntityRef]:
    """Read one target or a list of them, in order; duplicates, also in other spellings, are kept once.

    :param target: ``"DEAL_57"`` or an iterable of such strings, of lists of them as mapped tasks deliver them, or of
        parsed targets, which are not parsed again; a mapping from targets to stages, as a sensor returns it. An empty
        list is fine and means that there is nothing to do.
    :param entity_type: type of the targets that are bare ids, such as ``"DEAL"``. With it, whole numbers, texts of
        digits, rows with one column, rows with a column ``id``, and columns of data frames are targets, too.
    :raises ConfigurationError: ``None``, a list inside a text, or a malformed target. The message names all bad ones.

    >>> [str(ref) for ref in parse_targets([(57,), (58,)], "DEAL")]
    ['DEAL_57', 'DEAL_58']
    """
    if target is None:
        raise ConfigurationError(
            "target is None.",
            hint="The task that should deliver it returned nothing or was skipped: "
            "return a list (an empty one is fine).",
        )
    if isinstance(target, str) and target.lstrip().startswith("["):
        raise ConfigurationError(
            "target is a text that begins with '[': a list that a template turned into text.",
            hint=NO_TEMPLATE,
        )
    target = _keys_of_targets(target)
    if entity_type is not None:
        from airflow_provider_bitrix24.client.bare_ids import parse_entity_type, parse_rows

        return parse_rows(target, parse_entity_type(entity_type))
    target = scalar(target)
    if isinstance(target, str | EntityRef):
        return _parse_all([target], named="target")
    return _parse_all(_iterable(target), named="target[{}]")


def _keys_of_targets(target: object) -> object:
    """The targets of a mapping from targets to stages, as a sensor returns it; everything else as it is."""
    if not isinstance(target, Mapping):
        return target
    if {"results", "portal"}.issubset(target):
        raise ConfigurationError(
            "target is the report of a task.",
            hint="Pass the list of targets that the task was given; with expected_stage, those that are there already "
            "are not fired for.",
        )
    return list(target) if all(isinstance(parse_text(key), EntityRef) for key in target) else target


def _iterable(target: object) -> Iterable[object]:
    if hasattr(target, "columns"):
        raise ConfigurationError(
            "target is a data frame.", hint=f'Pass a column of targets, such as frame["target"]. {_BARE_IDS}'
        )
    if isinstance(target, Mapping | bytes | bytearray | memoryview) or not isinstance(target, Iterable):
        from airflow_provider_bitrix24.client.malformed import shown_value

        name, shown = type(target).__name__, shown_value(target)
        value = "" if shown == a_kind_of(target) else f": {shown}"
        raise ConfigurationError(f"target is of type {name}{value}.", hint=f"{_BARE_IDS} {HOW_TO_WRITE}")
    return target


def _parse_all(values: Iterable[object], *, named: str) -> list[EntityRef]:
    found: dict[EntityRef, None] = {}
    wrong: list[tuple[str, object, str]] = []
    for number, value in enumerate(values):
        parsed = parse_text(value)
        if isinstance(parsed, EntityRef):
            found[parsed] = None
        elif (listed := list_of_targets(value)) is not None:
            found.update(dict.fromkeys(listed))
        else:
            wrong.append((named.format(number), value, parsed))
    if wrong:
        raise _malformed(wrong)
    return list(found)


def _malformed(wrong: list[tuple[str, object, str]]) -> ConfigurationError:
    """The error that names targets: of each, what it is called, the value and what is wrong with it."""
    from airflow_provider_bitrix24.client.malformed import SHOWN, malformed, shown_value

    bare = any(says.endswith(" a type.") or (isinstance(it, str) and it.strip().isdigit()) for _, it, says in wrong)
    says_all = all(" write " in says or " pass " in says for _, _, says in wrong)
    hint = f"{_BARE_IDS} {HOW_TO_WRITE}" if bare else "" if says_all else HOW_TO_WRITE
    bad = [f"{name} is {shown_value(it)}: {says}" for name, it, says in wrong[:SHOWN]]
    return malformed([*bad, *("" for _ in wrong[SHOWN:])], hint=hint)
