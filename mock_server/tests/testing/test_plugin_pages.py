"""The pages about the plugin say what it does: every name is on the page, and the examples pass."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

from mocktune.testing import Sandbox
from mocktune.testing.clock import SandboxClock
from mocktune.testing.hosts import REAL_HOSTS
from mocktune.testing.marking import KEYWORDS, SANDBOX_KEYWORDS
from mocktune.testing.playing import Faults, SandboxScenario
from mocktune.testing.requests import ALIASES, Request, Requests
from mocktune.testing.sandboxes import sandbox
from mocktune.testing.verdict import Verdict

DOCS = Path(__file__).resolve().parents[3] / "docs"
REFERENCE = (DOCS / "reference" / "pytest.md").read_text("utf-8")
HOW_TO = DOCS / "how-to" / "test-with-pytest.md"


def public(of: type) -> set[str]:
    return {name for name in dir(of) if not name.startswith("_")}


def is_named(name: str) -> bool:
    return re.search(rf"`(?:[^`]*[^`\w-])?{re.escape(name)}(?![\w-])[^`]*`", REFERENCE) is not None


def test_the_reference_names_every_attribute_of_what_a_test_works_with() -> None:
    with sandbox(sleeps="real", refuse_real_hosts=False, env=False) as box:
        attributes = {name for name in vars(box) if not name.startswith("_")} | public(Sandbox)
    attributes -= {"tells_of_frozen_clock", "interruption"}  # between the harness and itself
    for kind in (SandboxClock, SandboxScenario, Faults, Requests, Request, Verdict):
        attributes |= public(kind) - {"answer"}
    assert {name for name in attributes if not is_named(name)} == set()


def test_the_reference_names_every_keyword_option_and_ini_value() -> None:
    plugin = (DOCS.parent / "mock_server" / "mocktune" / "pytest_plugin.py").read_text("utf-8")
    options = re.findall(r'"(--mocktune-[a-z]+)"', plugin)
    inis = re.findall(r'addini\(\s*"(\w+)"', plugin)
    assert len(options) == 4
    assert len(inis) == 2
    assert {name for name in (*options, *inis, *KEYWORDS) if not is_named(name)} == set()
    assert {each for each in REAL_HOSTS if each not in REFERENCE} == set()
    rows = {f"| `{short}` | `{operation}` |" for short, operation in ALIASES.items()}
    assert rows <= set(REFERENCE.splitlines())


def test_the_marker_takes_what_the_context_manager_takes() -> None:
    assert tuple(inspect.signature(sandbox).parameters) == SANDBOX_KEYWORDS
    defaults = {name: each.default for name, each in inspect.signature(sandbox).parameters.items()}
    for name in ("scenario", "clock", "env", "sleeps", "refuse_real_hosts"):
        shown = repr(defaults[name]).replace("'", '"')
        assert re.search(rf"^\| `{name}`[^|]*\| `{re.escape(shown)}` \|", REFERENCE, re.MULTILINE), name


def test_the_examples_of_the_how_to_pass(tmp_path: Path) -> None:
    for block in re.findall(r"^```python\n(.*?)^```$", HOW_TO.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        name = re.match(r"# (\w+\.py)\n", block)
        assert name, block
        (tmp_path / name[1]).write_text(block, "utf-8")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "OPENAI_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=110)
    assert ran.returncode == 0, ran.stdout
    assert re.search(r"^mocktune: 25 runs in ", ran.stdout, re.MULTILINE), ran.stdout
