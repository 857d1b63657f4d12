"""The commands for OAuth applications, as a person uses them."""

from __future__ import annotations

import io
import re
import sys
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from airflow_provider_bitrix24.__main__ import main
from airflow_provider_bitrix24.application_commands import parse_age
from airflow_provider_bitrix24.client.errors import ConfigurationError
from tests.support.application import APPLICATION, RememberedTokens


class Person(io.TextIOBase):
    """Standard input: a person who opens the address that the command has shown, and pastes something."""

    def __init__(self, capsys, *pastes):
        self.shown = self.told = ""
        self._capsys = capsys
        self._pastes = list(pastes)

    def readline(self, *_):
        shown = self._capsys.readouterr()
        self.shown, self.told = self.shown + shown.out, self.told + shown.err
        if not self._pastes:
            return ""
        paste = self._pastes.pop(0)
        [*_, address] = re.findall(r"^  (http\S+)$", self.shown, re.MULTILINE)
        return paste(address) if callable(paste) else f"{paste}\n"


def browser(address):
    """Open the address, agree, and return where the browser ends, or the code that the portal shows."""
    answer = requests.get(address, allow_redirects=False, timeout=30)
    if answer.status_code == 302:
        return answer.headers["location"] + "\n"
    return re.search(r"<code>(\w+)</code>", answer.text)[1] + "\n"


@pytest.fixture
def unauthorized(application):
    """An application that nobody has authorized yet."""
    RememberedTokens.kept.clear()
    return application


@pytest.fixture
def redirecting(portal):
    portal.portal.accounts.applications[APPLICATION["client_id"]].redirect_uri = "https://app.example/back"


def paste(monkeypatch, capsys, *pastes):
    person = Person(capsys, *pastes)
    monkeypatch.setattr(sys, "stdin", person)
    return person


@pytest.mark.usefixtures("unauthorized")
def test_the_code_that_the_portal_shows_authorizes_the_application(portal, monkeypatch, capsys):
    person = paste(monkeypatch, capsys, browser)

    assert main(["authorize", "bitrix24_app"]) == 0

    shown = capsys.readouterr().out
    assert f"The application acts on {portal.url} as Admin Simulator (user 1), an administrator." in shown
    assert "Permissions: crm." in shown
    assert re.search(r"Unused, the tokens last until \d{4}-\d\d-\d\d .*\(\d+ days\)", shown)
    assert "/oauth/authorize/?client_id=local.s1mulat0r&state=" in person.shown
    assert main(["check", "bitrix24_app"]) == 0
    assert "triggers bitrix24_app list" in capsys.readouterr().out


@pytest.mark.usefixtures("redirecting")
def test_the_address_on_which_the_browser_ends_authorizes_the_application(unauthorized, monkeypatch, capsys):
    paste(monkeypatch, capsys, browser)

    assert main(["authorize", "bitrix24_app"]) == 0
    assert unauthorized.kept.pair is not None


@pytest.mark.usefixtures("unauthorized", "redirecting")
def test_an_address_of_another_attempt_is_refused_and_the_command_starts_again(monkeypatch, capsys):
    states = []

    def remember(address):
        states.append(parse_qs(urlsplit(address).query)["state"])
        return "https://app.example/back?code=abc&state=forged\n"

    person = paste(monkeypatch, capsys, remember, "no code here", "e" * 70, browser)

    assert main(["authorize", "bitrix24_app"]) == 0
    assert person.shown.count("Open this address") == 4
    assert len(set(re.findall(r"state=(\S+)", person.shown))) == 4


@pytest.mark.usefixtures("unauthorized")
@pytest.mark.parametrize(
    ("pasted", "message"),
    [
        ("https://app.example/back?code=abc&state=forged", "another attempt"),
        ("e" * 70, "older than 30 seconds"),
        ("not a code", "There is no code"),
    ],
)
def test_what_is_wrong_with_a_paste_is_said(monkeypatch, capsys, pasted, message):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{pasted}\n\n"))

    assert main(["authorize", "bitrix24_app"]) == 1

    shown = capsys.readouterr()
    assert message in shown.err
    assert pasted not in shown.err + shown.out


def test_a_late_code_is_refused(unauthorized, portal, monkeypatch, capsys):
    def late(address):
        code = browser(address)
        portal.clock.advance(31)
        return code

    person = paste(monkeypatch, capsys, late)

    assert main(["authorize", "bitrix24_app"]) == 1
    assert "older than 30 seconds" in person.told


@pytest.mark.parametrize("form", ["form", "json"])
def test_what_an_installation_brought_authorizes_the_application(unauthorized, monkeypatch, capsys, form):
    grant = unauthorized.grant()
    if form == "form":
        pasted = (
            f"auth[access_token]={grant.access_token}&auth[refresh_token]={grant.refresh_token}&auth[expires_in]=3600"
        )
        pasted += "&auth[scope]=crm&auth[user_id]=1&auth[member_id]=5b1c0f2e9a7d4c3680e1f2a3b4c5d6e7&event=ONAPPINSTALL"
    else:
        pasted = f'{{"auth": {{"access_token": "{grant.access_token}", "refresh_token": "{grant.refresh_token}"}}}}'
    monkeypatch.setattr(sys, "stdin", io.StringIO(pasted))

    assert main(["authorize", "bitrix24_app", "--paste-install"]) == 0
    assert unauthorized.kept.pair.access_token == grant.access_token
    assert grant.access_token not in capsys.readouterr().out


@pytest.mark.usefixtures("unauthorized")
def test_something_else_than_an_installation_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("s3cr3t nonsense"))

    assert main(["authorize", "bitrix24_app", "--paste-install"]) == 1
    assert "s3cr3t" not in capsys.readouterr().err


@pytest.mark.usefixtures("portal")
def test_a_webhook_needs_no_authorization(capsys):
    assert main(["authorize", "bitrix24_default"]) == 1
    assert "holds a webhook" in capsys.readouterr().err


def test_token_shows_the_pair_without_the_tokens(application, capsys):
    assert main(["token", "bitrix24_app"]) == 0

    shown = capsys.readouterr().out
    assert "as Admin Simulator (user 1), an administrator." in shown
    assert application.kept.pair.access_token not in shown
    assert application.kept.pair.refresh_token not in shown


@pytest.mark.usefixtures("unauthorized")
@pytest.mark.parametrize("command", [["token"], ["refresh"], ["triggers", "list"]])
def test_an_application_without_tokens_says_how_to_get_them(command, capsys):
    assert main([command[0], "bitrix24_app", *command[1:]]) == 1
    assert "python -m airflow_provider_bitrix24 authorize bitrix24_app" in capsys.readouterr().err


def test_refresh_leaves_young_tokens_alone(application, portal, time, capsys):
    assert main(["refresh", "bitrix24_app", "--if-older-than", "20d"]) == 0
    assert "younger than 20d" in capsys.readouterr().out
    time.sleep(21 * 86400)
    assert main(["refresh", "bitrix24_app", "--if-older-than", "20d"]) == 0
    assert "are refreshed" in capsys.readouterr().out
    assert portal.portal.tokens.refreshes == 1
    assert main(["refresh", "bitrix24_app"]) == 0
    assert portal.portal.tokens.refreshes == 2


@pytest.mark.parametrize(("text", "seconds"), [("20d", 1728000), ("36h", 129600), ("1.5m", 90), ("7", 7), (" 3 s", 3)])
def test_ages_are_read(text, seconds):
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["", "d", "-1d", "20 days", "1e9d"])
def test_what_is_not_an_age_is_refused(text):
    with pytest.raises(ConfigurationError, match="if-older-than"):
        parse_age(text)


@pytest.mark.usefixtures("application")
def test_triggers_are_listed_added_and_deleted(capsys):
    assert main(["triggers", "bitrix24_app", "add", "shipped", "Shipped"]) == 0
    assert main(["triggers", "bitrix24_app", "list"]) == 0
    assert "invoice_paid  Invoice paid\nshipped       Shipped\n" in capsys.readouterr().out
    assert main(["triggers", "bitrix24_app", "delete", "shipped"]) == 0
    assert main(["triggers", "bitrix24_app", "delete", "invoice_paid"]) == 0
    assert main(["triggers", "bitrix24_app", "list"]) == 0
    assert "has registered no triggers" in capsys.readouterr().out
    assert main(["triggers", "bitrix24_app", "delete", "shipped"]) == 1
    assert "Trigger not found" in capsys.readouterr().err


@pytest.mark.usefixtures("application")
@pytest.mark.parametrize("arguments", [["add"], ["add", "shipped"], ["delete"]])
def test_missing_arguments_of_triggers_are_named(arguments, capsys):
    assert main(["triggers", "bitrix24_app", *arguments]) == 1
    assert "needs" in capsys.readouterr().err
