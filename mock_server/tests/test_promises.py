"""The names that ``docs/reference/promises.md`` promises are there."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from pathlib import Path

import typer.main

from mocktune import pytest_plugin
from mocktune.cli.app import app
from mocktune.testing import Sandbox, sandbox

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT.joinpath("docs", "reference", "promises.md").read_text("utf-8")


def promised(row: str) -> list[str]:
    stable = PAGE.partition("## What it runs on")[0]
    (line,) = [line for line in stable.splitlines() if line.startswith(f"| {row} |")]
    return re.findall(r"`([\w-]+)`", line)


def test_the_fixture_has_what_is_promised_of_it() -> None:
    made = set(re.findall(r"self\.(\w+) = ", inspect.getsource(Sandbox.__init__))) | set(dir(Sandbox))
    assert set(promised("of the fixture")) <= made


def test_the_marker_takes_the_keywords_and_the_run_the_options_that_are_promised() -> None:
    fixture, *names = promised("pytest")
    assert fixture == pytest_plugin.FIXTURE
    keywords = [name for name in names if "mocktune" not in name]
    assert set(keywords) <= {*inspect.signature(sandbox).parameters, "pack", "verdict"}
    assert set(keywords) <= set(re.findall(r"\w+", pytest_plugin.MARKER_HELP))
    of_plugin = set(re.findall(r'"(--mocktune-[a-z]+|mocktune_[a-z]+)"', inspect.getsource(pytest_plugin)))
    assert {name for name in names if "mocktune" in name} <= of_plugin


def test_every_command_but_the_demo_is_promised() -> None:
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # of a group
    assert set(promised("command line")) == commands - {"demo"}


def test_the_versions_that_are_named_are_those_that_are_declared_and_run() -> None:
    project = tomllib.loads(PROJECT.joinpath("pyproject.toml").read_text("utf-8"))["project"]
    declared = [each.rpartition(" :: ")[2] for each in project["classifiers"] if "Python :: 3." in each]
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| Python |")]
    assert sorted(set(re.findall(r"3\.\d+", row))) == declared
    node = json.loads(PROJECT.joinpath("contract_tests", "node", "package.json").read_text("utf-8"))
    assert f"| openai-node | {node['dependencies']['openai']} " in PAGE
    of_python = "\n".join(PROJECT.joinpath(".ci", name).read_text("utf-8") for name in ("run", "sdk_suite.py"))
    (row,) = [line for line in PAGE.splitlines() if line.startswith("| openai-python |")]
    assert set(re.findall(r"\d+\.\d+\.\d+", row)) <= set(re.findall(r"\d+\.\d+\.\d+", of_python))
