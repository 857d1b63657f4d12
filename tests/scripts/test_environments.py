"""Environments are made for the Pythons and the Airflow lines that there are constraints for."""

from __future__ import annotations

import sys

import pytest

from scripts import environments
from scripts.terminal import StepFailed


def test_an_older_python_is_told_so(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))

    with pytest.raises(StepFailed, match=r"needs Python 3\.11 or newer"):
        environments.make()


def test_an_airflow_line_that_does_not_run_on_a_python_is_refused():
    with pytest.raises(StepFailed, match=r"no constraints for Airflow 2\.11 on Python 3\.13"):
        environments.constraints_file("2.11", "3.13")


def test_a_python_newer_than_any_file_takes_the_newest_versions_and_says_so(capsys):
    assert environments.constraints_file("3.3", "3.99").name == "airflow-3.3-python3.14.txt"
    assert "untried" in capsys.readouterr().err
