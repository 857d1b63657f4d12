"""``user.*``: the users of the portal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.rest.methods.filters import sort_rows
from airflow_provider_bitrix24.simulator.rest.methods.registry import GLOBAL_SCOPE, PAGE, MethodResult, method

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.model import User
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call

_TITLES: Final = {"ID": "ID", "UF_DEPARTMENT": "Departments", "WORK_POSITION": "Position"}


@method("user.current", "user")
def current(call: Call) -> Any:
    """The caller's record; needs the scope `user`."""
    return user_row(call.portal, call.identity.user)


@method("user.admin", GLOBAL_SCOPE)
def admin(call: Call) -> Any:
    """Whether the caller is an administrator."""
    return call.identity.user.is_admin


@method("user.get", "user")
def get(call: Call) -> Any:
    """A page of users: those that `FILTER`, or parameters beside it, name by their fields."""
    params = call.upper()
    wanted = {name.upper(): value for name, value in php.array_items(params.get("FILTER"))}
    rows = [user_row(call.portal, each) for each in call.portal.accounts.users.values()]
    known = rows[0]
    wanted |= {name: value for name, value in params.items() if name in known}
    for name, value in wanted.items():
        field = name.lstrip("=@")
        if field in known:
            values = {_comparable(each) for each in php.array_values(value)}
            rows = [row for row in rows if not values.isdisjoint(map(_comparable, php.array_values(row[field])))]
    by = php.to_str(params.get("SORT")).upper()
    descending = php.to_str(params.get("ORDER")).upper() == "DESC"
    sort_rows(rows, [(by if by in known else "ID", descending)], lambda row, field: row[field])
    page = rows[call.offset : call.offset + PAGE]
    return MethodResult.of_page(page, call, len(page), len(rows))


@method("user.fields", "user")
def fields(call: Call) -> Any:
    """The labels of a user's fields."""
    row = user_row(call.portal, call.identity.user)
    return {name: _TITLES.get(name, name.replace("_", " ").capitalize()) for name in row}


def user_row(portal: Portal, user: User) -> dict[str, Any]:
    """A user's record."""
    now = portal.clock.iso(portal.clock.now())
    return {
        "ID": str(user.id),
        "XML_ID": "",
        "ACTIVE": user.is_active,
        "NAME": user.name,
        "LAST_NAME": user.last_name,
        "SECOND_NAME": "",
        "EMAIL": f"{user.login}@example.com",
        "LAST_LOGIN": now,
        "DATE_REGISTER": f"{now[:10]}T00:00:00+00:00",
        "TIME_ZONE": "",
        "IS_ONLINE": "Y",
        "TIMESTAMP_X": now,
        "LAST_ACTIVITY_DATE": now[:19].replace("T", " "),
        "PERSONAL_GENDER": "",
        "PERSONAL_BIRTHDAY": "",
        "WORK_POSITION": "",
        "UF_EMPLOYMENT_DATE": "",
        "UF_DEPARTMENT": [1],
        "USER_TYPE": "employee",
    }


def _comparable(value: Any) -> str:
    """A value as filters compare it: true, 1 and Y are one."""
    if isinstance(value, bool):
        return "1" if value else "0"
    text = php.to_str(value)
    return {"Y": "1", "TRUE": "1", "N": "0", "FALSE": "0"}.get(text.upper(), text)
