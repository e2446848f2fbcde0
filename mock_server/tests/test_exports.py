"""What is exported is exported on purpose, and costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import mocktune


def test_the_public_names_are_these() -> None:
    assert mocktune.__all__ == ["RunningServer", "Settings", "__version__", "make_settings", "running_server"]
    assert dir(mocktune) == sorted(mocktune.__all__)


def test_every_public_name_is_there_and_others_are_not() -> None:
    for name in mocktune.__all__:
        assert getattr(mocktune, name)
    with pytest.raises(AttributeError, match="no attribute 'serve'"):
        mocktune.serve  # noqa: B018  # reading it is the test


def test_importing_mocktune_imports_nothing_heavy() -> None:
    heavy = "[m for m in ('fastapi', 'openai', 'pydantic', 'httpx2', 'uvicorn', 'typer', 'rich') if m in sys.modules]"
    code = f"import sys, mocktune, mocktune_client; print({heavy})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_settings_that_cannot_be_read_are_a_value_error() -> None:
    for wrong in ({"scenario": "quik"}, {"clock": "fast"}, {"changes": ["model.x=1"]}):
        with pytest.raises(ValueError, match=r"unknown|is no clock"):
            mocktune.make_settings(**wrong)  # type: ignore[arg-type]  # on purpose
