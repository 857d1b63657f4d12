"""Commands for OAuth applications: authorize one, look at its tokens, refresh them, manage its triggers."""

from __future__ import annotations

import re
import secrets
import sys
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import AuthenticationError, ConfigurationError
from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
from airflow_provider_bitrix24.client.oauth.authorization import read_redirect
from airflow_provider_bitrix24.client.oauth.diagnosis import moment
from airflow_provider_bitrix24.client.oauth.grants import INVALID_GRANT
from airflow_provider_bitrix24.compat_variables import variables_are_encrypted
from airflow_provider_bitrix24.token_store import VariableTokenStore

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_provider_bitrix24.client.oauth.token_store import TokenStore
    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "": 1}


def authorize(hook: Bitrix24Hook, options: Namespace) -> int:
    """Let a person authorize the application, until that succeeds or the person gives up."""
    client = hook.get_conn()
    portal = client.portal
    if not isinstance(portal, ApplicationPortal):
        raise _webhook(options.conn_id)
    if options.paste_install:
        print("Paste the body of the request that the application's handler received, then press Ctrl+D:", flush=True)
        client.install(sys.stdin.read())
        return _succeeded(hook, portal.token_store)
    while True:
        state = secrets.token_urlsafe(16)
        pasted = _ask_for_code(portal.authorize_url(state))
        if not pasted.strip():
            print("Nothing was pasted; the application is not authorized.", file=sys.stderr)
            return 1
        try:
            code = read_redirect(pasted, state=state, host=None if portal.is_local else portal.host)
        except ConfigurationError as error:
            print(f"{error}\n", file=sys.stderr)
            continue
        try:
            client.authorize(code)
        except AuthenticationError as error:
            if error.code != INVALID_GRANT:
                raise
            print(f"{error}\n", file=sys.stderr)
        else:
            return _succeeded(hook, portal.token_store)


def _ask_for_code(address: str) -> str:
    """Send a person to the portal's page, and return what the person pastes."""
    print("Open this address in a browser, logged in to the portal as the user the application is to act as:")
    print(f"\n  {address}\n")
    # Not only on a terminal: a person may keep what is printed in a file, too.
    print(
        "Then paste, within 30 seconds, the whole address on which the browser ends, or the code that it shows:",
        flush=True,
    )
    return sys.stdin.readline()


def token(hook: Bitrix24Hook, options: Namespace) -> int:
    """Show what is known about the application's tokens."""
    del options
    for line in hook.token_info().lines():
        print(line)
    return 0


def refresh(hook: Bitrix24Hook, options: Namespace) -> int:
    """Refresh the tokens if they are old enough."""
    older_than = parse_age(options.if_older_than) if options.if_older_than else 0.0
    if hook.refresh_tokens(older_than=older_than):
        print("The application's tokens are refreshed.")
    else:
        print(f"The application's tokens are younger than {options.if_older_than}; they are left alone.")
    print(f"Unused, they last until {moment(hook.token_info().lasts_until)}.")
    return 0


def triggers(hook: Bitrix24Hook, options: Namespace) -> int:
    """List, register or delete triggers."""
    needed = {"list": (), "add": ("code", "name"), "delete": ("code",)}[options.action]
    if missing := [name.upper() for name in needed if not getattr(options, name)]:
        raise ConfigurationError(f"triggers CONN_ID {options.action} needs {' and '.join(missing)}.")
    if options.action == "add":
        hook.add_trigger(options.code, options.name)
        print(f"Registered {options.code!r} as {options.name!r}. An administrator can now place it on a stage.")
        return 0
    if options.action == "delete":
        hook.delete_trigger(options.code)
        print(f"Deleted {options.code!r}.")
        return 0
    found = hook.list_triggers()
    width = max((len(each.code) for each in found), default=0)
    for each in found:
        print(f"{each.code.ljust(width)}  {each.name}")
    if not found:
        print("The application has registered no triggers.")
    return 0


def parse_age(text: str) -> float:
    """Read an age, such as ``20d``, in seconds.

    :raises ConfigurationError: it is not an age.
    """
    match = re.fullmatch(r"\s*([0-9]{1,6}(?:\.[0-9]+)?)\s*([dhms]?)\s*", text)
    if match is None:
        raise ConfigurationError(f"--if-older-than is {text!r}.", hint="Write a number and d, h, m or s, such as 20d.")
    return float(match[1]) * _SECONDS[match[2]]


def _succeeded(hook: Bitrix24Hook, store: TokenStore) -> int:
    print("Authorized; the tokens are stored.")
    info = hook.token_info()
    for line in info.lines():
        print(line)
    if isinstance(store, VariableTokenStore) and not variables_are_encrypted():
        print(
            "Warning: Airflow keeps the application's secret, which encrypts the tokens, as plain text, since it has "
            "no key ([core] fernet_key)."
        )
    if info.is_admin is False:
        print("Warning: only an administrator's application may fire its triggers. Authorize it as an administrator.")
    return 0


def _webhook(conn_id: str) -> ConfigurationError:
    return ConfigurationError(
        f"Connection {conn_id!r} holds a webhook, which needs no authorization.",
        hint="For an application set auth_method to oauth, put the application's id into Login and its secret into "
        "Password.",
    )
