from __future__ import annotations

from dataclasses import fields

import pytest

from airflow_provider_bitrix24 import connection_form
from airflow_provider_bitrix24.client.settings import PLANS, ClientSettings
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook


def test_every_setting_of_a_portal_has_a_field():
    named = set(connection_form.EXTRA_FIELDS) - {
        "default_code",
        "auth_method",
        "token_store",
        "oauth_server",
        "token_key",
    }
    of_the_machine = {"shared_store_directory", "pacing_directory"}  # no matter of the portal's

    assert named == {field.name for field in fields(ClientSettings)} - of_the_machine


def test_the_plans_offered_are_those_that_the_client_knows():
    assert connection_form.EXTRA_FIELDS["plan"].choices == tuple(PLANS)


def test_the_limits_shown_are_those_that_the_client_enforces():
    refused = [
        (name, field.minimum)
        for name, field in connection_form.EXTRA_FIELDS.items()
        if field.minimum is not None and not _accepted(name, field.minimum)
    ]

    assert refused == []


def _accepted(name, value):
    return getattr(ClientSettings(**{name: value}), name) == value


def test_every_field_has_a_label_and_a_description():
    assert all(field.label and field.description for field in connection_form.EXTRA_FIELDS.values())
    assert set(connection_form.STANDARD_FIELDS) == {"host", "login", "password", "port"}
    assert all(field.label and field.placeholder for field in connection_form.STANDARD_FIELDS.values())


def test_defaults_in_descriptions_are_those_of_the_client():
    defaults = ClientSettings()
    for name in ("max_concurrency", "settle_after", "connect_timeout", "read_timeout"):
        description = connection_form.EXTRA_FIELDS[name].description

        assert f"empty means {getattr(defaults, name):g}" in description


def test_no_field_is_required_on_airflow_3():
    for name, field in connection_form.conn_fields().items():
        assert "null" in field["schema"]["type"], name


def test_both_forms_have_the_same_standard_fields():
    new = connection_form.ui_field_behaviour()
    old = Bitrix24Hook.get_ui_field_behaviour()

    assert new == {
        "hidden-fields": old["hidden_fields"],
        "relabeling": old["relabeling"],
        "placeholders": old["placeholders"],
    }


def test_both_forms_have_the_same_extra_fields():
    pytest.importorskip("flask_appbuilder", reason="Airflow 3 has no widgets")
    widgets = Bitrix24Hook.get_connection_form_widgets()
    declared = connection_form.conn_fields()

    assert list(widgets) == list(declared)
    for name, widget in widgets.items():
        assert widget.args == (declared[name]["label"],)
        assert widget.kwargs["description"].startswith(declared[name]["description"])


def test_the_widgets_are_of_kinds_that_airflow_2_accepts():
    wtforms = pytest.importorskip("wtforms", reason="Airflow 3 has no widgets")

    kinds = {widget.field_class for widget in Bitrix24Hook.get_connection_form_widgets().values()}

    assert kinds == {wtforms.StringField, wtforms.IntegerField}


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("plan", "enterprise", True),
        ("plan", "free", False),
        ("plan", "", True),
        ("verify_tls", "false", True),
        ("verify_tls", "perhaps", False),
        ("requests_per_second", "0.5", True),
        ("requests_per_second", "fast", False),
        ("max_concurrency", "0", False),
        ("max_concurrency", "1", True),
        ("max_concurrency", "", True),
    ],
)
def test_the_form_of_airflow_2_checks_what_is_typed(name, value, accepted):
    wtforms = pytest.importorskip("wtforms", reason="Airflow 3 has no widgets")
    from werkzeug.datastructures import MultiDict

    form_class = type("Form", (wtforms.Form,), {name: Bitrix24Hook.get_connection_form_widgets()[name]})

    assert form_class(MultiDict({name: value})).validate() is accepted


def test_airflow_2_finds_both_methods_on_the_class_itself():
    assert "get_connection_form_widgets" in vars(Bitrix24Hook)
    assert "get_ui_field_behaviour" in vars(Bitrix24Hook)
