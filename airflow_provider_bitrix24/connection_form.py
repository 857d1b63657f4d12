"""The connection form of the type ``bitrix24``, declared once and rendered for every Airflow.

Airflow 3 reads the form from the provider's metadata (:func:`conn_fields`, :func:`ui_field_behaviour`);
Airflow 2.11 asks the hook class for widgets (:func:`widgets`, :func:`field_behaviour`). Both come from the tables
below, so they cannot disagree. Neither version validates reliably what it saves: :mod:`.connection` checks the values.

Airflow loads this module in every process, so it imports nothing but the standard library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

CONN_TYPE = "bitrix24"
"""Airflow's name of the connection type."""

HOOK_NAME = "Bitrix24"
"""What people read in the list of connection types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandardField:
    """One of Airflow's own connection fields, with its label for Bitrix24."""

    label: str
    placeholder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraField:
    """A named value in the connection's extra.

    ``default`` is what an absent value means. The form of Airflow 3 fills it in only with ``prefill``, since that form
    saves every default that it shows.
    """

    label: str
    description: str
    kind: Literal["string", "integer", "number", "boolean"] = "string"
    choices: tuple[str, ...] = ()
    default: str | bool | None = None
    prefill: bool = False
    minimum: float | None = None


STANDARD_FIELDS: dict[str, StandardField] = {
    "host": StandardField(label="Portal address (Host)", placeholder="example.bitrix24.com"),
    "login": StandardField(
        label="User or application id (Login)", placeholder="1 (the number after /rest/), or an application's id"
    ),
    "password": StandardField(
        label="URL or secret (Password)",
        placeholder="Paste the webhook's URL, and leave Host and Login empty; or an application's secret",
    ),
    # Airflow 3.3.1 and 3.3.2 refuse to test a connection without a port, and only this field can give it one.
    "port": StandardField(label="Port", placeholder="443 (the test button of Airflow 3.3.1 and 3.3.2 needs it)"),
}
"""Airflow's field -> its label. The other fields are hidden. Labels keep Airflow's names, since messages use them."""

HIDDEN_FIELDS = ("schema",)
"""Fields that the form does not show. ``extra`` stays visible, although every extra has its own field: if it is hidden,
the test button of Airflow 2.11 does nothing."""

EXTRA_FIELDS: dict[str, ExtraField] = {
    "default_code": ExtraField(
        label="Default trigger code",
        description="Code of the automation trigger to fire where a task names none. A URL pasted into "
        "Password brings its own code; this field takes precedence.",
    ),
    "plan": ExtraField(
        label="Plan",
        description="Decides how many requests the portal takes: standard (a burst of 50, then 2 a second), "
        "enterprise (250, 5 a second) or self-hosted (no limit).",
        choices=("standard", "enterprise", "self-hosted"),
        default="standard",
        prefill=True,
    ),
    "bucket_size": ExtraField(
        label="Bucket size",
        description="Requests that the portal takes in one burst, where that differs from the plan's.",
        kind="integer",
        minimum=3,
    ),
    "requests_per_second": ExtraField(
        label="Requests per second",
        description="Requests a second that the portal takes after a burst, where that differs from the "
        "plan's. Several hosts behind one address share it: divide it by their number.",
        kind="number",
        minimum=0.01,
    ),
    "max_concurrency": ExtraField(
        label="Requests in flight",
        description="How many requests one task has under way at once; empty means 4. Use 1 for a small "
        "self-hosted portal.",
        kind="integer",
        minimum=1,
    ),
    "settle_after": ExtraField(
        label="Settle after (seconds)",
        description="How long the portal may continue to work on a request whose answer was lost; empty means "
        "60, where the cloud ends every request. Only then is an entity that has not moved fired again.",
        kind="number",
        minimum=0,
    ),
    "connect_timeout": ExtraField(
        label="Connect time-out (seconds)",
        description="How long to wait for a connection to the portal; empty means 10.",
        kind="number",
        minimum=0.001,
    ),
    "read_timeout": ExtraField(
        label="Read time-out (seconds)",
        description="How long to wait for the portal's answer; empty means 70, since the portal may work on "
        "a request for 60.",
        kind="number",
        minimum=0.001,
    ),
    "verify_tls": ExtraField(
        label="Verify TLS",
        description="Check the portal's certificate. For a certificate of your own authority give a CA bundle "
        "instead of switching this off.",
        kind="boolean",
        default=True,
        prefill=True,
    ),
    "ca_bundle": ExtraField(
        label="CA bundle",
        description="Path of a file with the certificate authorities to trust. It has to be on the workers and, for "
        "the test button, on the web or API server.",
    ),
    "proxy": ExtraField(
        label="Proxy",
        description="Address of an HTTP proxy, such as http://proxy.example.com:3128.",
    ),
    "auth_method": ExtraField(
        label="Authentication",
        description="How Airflow identifies itself to the portal: webhook (an incoming webhook) or oauth (an "
        "application: Login is its id, Password its secret; authorize it once with "
        "'python -m airflow_provider_bitrix24 authorize CONN_ID').",
        choices=("webhook", "oauth"),
        default="webhook",
        prefill=True,
    ),
    "token_store": ExtraField(
        label="Token store (oauth)",
        description="Where an application's tokens are kept; empty means variable (Airflow Variables, encrypted). Or "
        "shared (the store of several hosts), or the path of a class of your own.",
    ),
    "oauth_server": ExtraField(
        label="Authorization server (oauth)",
        description="Address of the server that issues tokens, where it is not one of Bitrix24's.",
    ),
    "token_key": ExtraField(
        label="Token key (oauth)",
        description="Name under which the tokens are kept, such as crm_app; empty means a digest of portal and "
        "application.",
    ),
}
"""Name in the connection's extra -> field. Other names are not read."""


def conn_fields() -> dict[str, Any]:
    """Return the extra fields for Airflow 3: the provider metadata ``conn-fields``."""
    return {name: _conn_field(field) for name, field in EXTRA_FIELDS.items()}


def ui_field_behaviour() -> dict[str, Any]:
    """Return the labels of the standard fields for Airflow 3: the provider metadata ``ui-field-behaviour``."""
    return {key.replace("_", "-"): value for key, value in field_behaviour().items()}


def field_behaviour() -> dict[str, Any]:
    """Return the labels of the standard fields for Airflow 2.11: ``Hook.get_ui_field_behaviour``."""
    return {
        "hidden_fields": list(HIDDEN_FIELDS),
        "relabeling": {name: field.label for name, field in STANDARD_FIELDS.items()},
        "placeholders": {name: field.placeholder for name, field in STANDARD_FIELDS.items()},
    }


def widgets() -> dict[str, Any]:
    """Return the extra fields for Airflow 2.11: ``Hook.get_connection_form_widgets``.

    A boolean is a text field: that form does not store a check box that was cleared, so editing any other field would
    switch it on again.
    """
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
    from wtforms import IntegerField, StringField
    from wtforms.validators import AnyOf, NumberRange, Optional, Regexp

    def widget(field: ExtraField) -> Any:
        # All connection types share one form, so an empty field must pass.
        validators: list[Any] = [Optional()]
        if field.choices:
            validators.append(AnyOf(field.choices))
        if field.kind == "boolean":
            validators.append(AnyOf(("true", "false", "True", "False")))
        if field.kind == "number":
            validators.append(Regexp(r"\s*[0-9]*[.]?[0-9]+\s*$", message="Use a number, such as 0.5."))
        if field.kind == "integer" and field.minimum is not None:
            validators.append(NumberRange(min=field.minimum))
        kind = IntegerField if field.kind == "integer" else StringField
        as_text = " Write true or false; empty means true." if field.kind == "boolean" else ""
        return kind(
            field.label,
            validators=validators,
            description=field.description + as_text,
            widget=BS3TextFieldWidget(),
        )

    return {name: widget(field) for name, field in EXTRA_FIELDS.items()}


def _conn_field(field: ExtraField) -> dict[str, Any]:
    # Without "null" in its type a field is required, and an empty field is saved as null.
    schema: dict[str, Any] = {"type": [field.kind, "null"]}
    if field.choices:
        schema["enum"] = list(field.choices)
    if field.prefill:
        schema["default"] = field.default
    if field.minimum is not None:
        schema["minimum"] = field.minimum
    return {"label": field.label, "description": field.description, "schema": schema}
