from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.model import User


@pytest.fixture
def users(client):
    """Calls a method of users and returns its answer."""
    client.portal.accounts.add_webhook(1, "users", scopes=frozenset({"user"}))
    client.portal.accounts.add_user(User(6, "Bo", "Li", login="bo", is_admin=False))
    client.portal.accounts.add_user(User(7, "Gone", is_active=False))
    client.base = "/rest/1/users/"
    return lambda name, **params: client.post(name, params).json


def test_users_are_found(users):
    def ids(**params):
        return [row["ID"] for row in users("user.get", **params)["result"]]

    assert ids() == ["1", "6", "7"]
    assert ids(FILTER={"ID": 6}) == ids(ID=[6]) == ids(filter={"NAME": "Bo"}) == ["6"]
    assert ids(FILTER={"ACTIVE": True}) == ids(ACTIVE="Y") == ["1", "6"]
    assert ids(sort="ID", order="DESC") == ["7", "6", "1"]
    assert ids(FILTER={"UF_DEPARTMENT": 1}, start=50) == []
    assert users("user.get")["total"] == 3


def test_a_user_has_a_department(users):
    assert users("user.current")["result"]["UF_DEPARTMENT"] == [1]
    assert users("user.admin")["result"] is True
    assert "UF_DEPARTMENT" in users("user.fields")["result"]
