"""What a fuzzer sends: garbage, and calls that are almost right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from hypothesis import strategies as st

from airflow_provider_bitrix24.simulator.rest.methods.registry import METHODS

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

WORDS = st.sampled_from([
    "target", "code", "entityTypeId", "id", "fields", "filter", "order", "select", "start", "cmd", "halt", "state",
    "CODE", "NAME", "OWNER_ID", "OWNER_TYPE_ID", "ID", "FIELDS", "@id", ">id", "stageId", "categoryId", "LOGIC",
    "title", "opportunity", "ufCrm_1", "SELECT", "ORDER", "grant_type", "client_id", "client_secret", "refresh_token",
    "ENTITY_ID", "ENTITY_TYPE", "COMMENT", "script", "advance", "auth", "token", "ap",
])  # fmt: skip
TEXTS = st.sampled_from([
    "DEAL_57", "DEAL_", "LEAD_4", "DYNAMIC_177_5", "CONTACT_7", "c5u4m", "exec", "2", "57", "-1", "1e3", "NEW",
    "C5:NEW", "WON", "*", "ASC", "1e400", "-1e400", "nan", "inf", "$result[a][item][id]", "$result[", "$total[a]", "0",
    "ключ", "", "999999999999999999999999999999", "\x00", "\ud800", " DEAL_57", "2026-01-01T00:00:00+00:00",
])  # fmt: skip
VALUES = st.one_of(
    TEXTS,
    st.text(max_size=30),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
DATA = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(WORDS, st.text(max_size=10)), inner, max_size=4)
    ),
    max_leaves=12,
)
PARAMETERS = st.dictionaries(st.one_of(WORDS, st.text(max_size=10)), DATA, max_size=5)
NAMES = st.one_of(
    st.sampled_from(sorted(METHODS)),
    st.sampled_from(["", "nosuch", "crm", "batch.xml", "a/b/c", "%00"]),
    st.text(max_size=20),
)


def _or_garbage(right: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Draw what is right nine times of ten."""
    return st.integers(0, 9).flatmap(lambda draw: DATA if draw == 0 else right)


TYPES = _or_garbage(st.sampled_from([1, 2, 3, 4, 7, 31, 177, "2", 5, 14, 1044]))
IDS = _or_garbage(st.sampled_from([1, 2, 3, 4, 5, 12, 57, 58, 59, 60, 61, 62, 63, 64, "57", 999, 0, -1]))
STAGES = st.sampled_from([
    "NEW", "PREPARATION", "EXECUTING", "WON", "LOSE", "C5:NEW", "C5:PREPARATION", "C5:WON", "IN_PROCESS", "SENT",
    "DT31_2:S", "DT31_2:P", "DT177_12:NEW", "DT177_12:CLIENT", "NOPE",
])  # fmt: skip
TARGETS = st.sampled_from([
    "DEAL_57", "DEAL_58", "DEAL_59", "DEAL_60", "DEAL_61", "DEAL_63", "deal_64", "D_57", "LEAD_4", "QUOTE_3",
    "CONTACT_7", "SMART_INVOICE_12", "DYNAMIC_177_5", "DYNAMIC_2_58", "DEAL_999", "COMPANY_1", "DEAL_57abc", "FOO_1",
    "DEAL57",
])  # fmt: skip
CODES = st.sampled_from(["c5u4m", "exec", "paid", "delivered", "C5U4M", ""])
FIELDS = st.sampled_from(
    [
        "id",
        "title",
        "stageId",
        "STAGE_ID",
        "categoryId",
        "movedTime",
        "opportunity",
        "ufCrm_1",
        "*",
        "x",
        "fm",
        "closedate",
        "observers",
        "contactIds",
        "isRecurring",
    ]
)
OLD_FIELDS = st.sampled_from(
    [
        "ID",
        "TITLE",
        "STAGE_ID",
        "STATUS_ID",
        "CATEGORY_ID",
        "MOVED_TIME",
        "OPPORTUNITY",
        "UF_CRM_1",
        "PHONE",
        "CLOSEDATE",
        "CONTACT_IDS",
    ]
)
OPERATORS = st.sampled_from(["", "=", "!", "!=", ">", ">=", "<", "<=", "@", "!@", "%", "=%", "!%", "!%=", "?", "><"])


def _filter(names: SearchStrategy[str]) -> SearchStrategy[Any]:
    values = st.one_of(IDS, STAGES, VALUES, st.lists(st.one_of(st.integers(1, 70), STAGES), max_size=5))
    keys = st.builds(str.__add__, OPERATORS, names)
    return st.recursive(
        st.dictionaries(keys, values, max_size=3),
        lambda inner: st.dictionaries(
            st.one_of(keys, st.sampled_from(["0", "1", "logic"])), st.one_of(inner, values, st.just("OR")), max_size=3
        ),
        max_leaves=3,
    )


def _order(names: SearchStrategy[str]) -> SearchStrategy[Any]:
    return st.dictionaries(names, st.sampled_from(["ASC", "DESC", "desc", "up"]), max_size=2)


def _new(names: SearchStrategy[str]) -> SearchStrategy[Any]:
    return st.dictionaries(names, st.one_of(STAGES, st.sampled_from([0, 5, 12, "5"]), VALUES), max_size=4)


STARTS = st.sampled_from([-1, 0, 1, 49, 50, 100, "50", "x"])
_ITEM = {"entityTypeId": TYPES, "id": IDS}
_LIST = {"filter": _or_garbage(_filter(FIELDS)), "order": _or_garbage(_order(FIELDS)), "start": STARTS}
_OLD_LIST = {"filter": _or_garbage(_filter(OLD_FIELDS)), "order": _or_garbage(_order(OLD_FIELDS)), "start": STARTS}
_HISTORY_FIELDS = st.sampled_from(["ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "STAGE_ID", "STATUS_ID", "CATEGORY_ID"])
_APPLICATION_TRIGGER = {"CODE": _or_garbage(CODES), "NAME": _or_garbage(TEXTS), "OWNER_TYPE_ID": TYPES, "OWNER_ID": IDS}
_ARGUMENTS: dict[str, dict[str, SearchStrategy[Any]]] = {
    "crm.automation.trigger": {"target": _or_garbage(TARGETS), "code": _or_garbage(CODES)},
    "crm.item.get": _ITEM,
    "crm.item.list": {"entityTypeId": TYPES, "select": _or_garbage(st.lists(FIELDS, max_size=4)), **_LIST},
    "crm.item.add": {"entityTypeId": TYPES, "fields": _or_garbage(_new(FIELDS))},
    "crm.item.update": {**_ITEM, "fields": _or_garbage(_new(FIELDS))},
    "crm.item.delete": _ITEM,
    "crm.item.fields": {"entityTypeId": TYPES, "useOriginalUfNames": _or_garbage(st.sampled_from(["Y", "N"]))},
    "crm.stagehistory.list": {
        "entityTypeId": TYPES,
        "filter": _or_garbage(_filter(_HISTORY_FIELDS)),
        "order": _or_garbage(_order(_HISTORY_FIELDS)),
        "select": _or_garbage(st.lists(_HISTORY_FIELDS, max_size=4)),
        "start": STARTS,
    },
    "crm.deal.list": {"select": _or_garbage(st.lists(OLD_FIELDS, max_size=4)), **_OLD_LIST},
    "crm.lead.list": {"select": _or_garbage(st.lists(OLD_FIELDS, max_size=4)), **_OLD_LIST},
    "crm.deal.update": {"id": IDS, "fields": _or_garbage(_new(OLD_FIELDS))},
    "crm.lead.add": {"fields": _or_garbage(_new(OLD_FIELDS))},
    "crm.deal.get": {"id": IDS},
    "crm.company.add": {"fields": _or_garbage(_new(OLD_FIELDS))},
    "crm.contact.list": {"select": _or_garbage(st.lists(OLD_FIELDS, max_size=4)), **_OLD_LIST},
    "crm.status.get": {"id": IDS},
    "crm.status.update": {"id": IDS, "fields": PARAMETERS},
    "user.get": {"FILTER": PARAMETERS, "SORT": TEXTS, "ORDER": TEXTS, "start": STARTS},
    "crm.status.list": {"filter": _or_garbage(_filter(st.sampled_from(["ENTITY_ID", "STATUS_ID", "SORT", "EXTRA"])))},
    "crm.category.list": {"entityTypeId": TYPES, "start": STARTS},
    "crm.timeline.comment.add": {
        "fields": _or_garbage(
            st.fixed_dictionaries(
                {"ENTITY_ID": IDS, "ENTITY_TYPE": st.sampled_from(["deal", "lead"]), "COMMENT": VALUES}
            )
        )
    },
    "crm.automation.trigger.add": _APPLICATION_TRIGGER,
    "crm.automation.trigger.execute": _APPLICATION_TRIGGER,
    "crm.automation.trigger.delete": _APPLICATION_TRIGGER,
    "method.get": {"name": NAMES},
    "scope": {"full": VALUES},
}


def _call(name: str) -> SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(name), st.fixed_dictionaries({}, optional=_ARGUMENTS[name]))


def _complete(name: str) -> SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.tuples(st.just(name), st.fixed_dictionaries(_ARGUMENTS[name]))


CALLS: SearchStrategy[tuple[str, dict[str, Any]]] = st.one_of(
    _complete("crm.automation.trigger"),
    st.sampled_from(sorted(_ARGUMENTS)).flatmap(_complete),
    st.sampled_from(sorted(_ARGUMENTS)).flatmap(_call),
    st.tuples(NAMES, PARAMETERS),
)
"""A method's name and its parameters: mostly sensible, sometimes not."""


def query_of(parameters: dict[str, Any]) -> str:
    """Write parameters with PHP's brackets; what has no text form is left out."""
    pairs: list[tuple[str, str]] = []

    def write(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, each in value.items():
                write(f"{name}[{key}]", each)
        elif isinstance(value, list):
            for index, each in enumerate(value):
                write(f"{name}[{index}]", each)
        elif value is not None:
            pairs.append((name, str(value)))

    for name, value in parameters.items():
        write(name, value)
    return urlencode(pairs, errors="replace")


COMMANDS = st.one_of(
    CALLS.map(lambda call: f"{call[0]}?{query_of(call[1])}"),
    CALLS.map(lambda call: f"{call[0]}?{query_of(call[1])}"),
    st.builds(lambda name, text: f"{name}?{text}", NAMES, st.text(max_size=40)),
    DATA,
)
"""Commands of a batch, and what is none."""
