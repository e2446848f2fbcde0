"""Sandboxes of a run of pytest: a new name for each test; or, where clients are built while tests are collected, one
name for all, under which each test finds a sandbox of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from mocktune.testing.control import ControlError, ControlPlane
from mocktune.testing.environment import Access
from mocktune.testing.naming import sandbox_name
from mocktune.testing.neighbours import files_are_faked
from mocktune.testing.sandboxes import Sandbox, environment, sandbox
from mocktune.testing.servers import shared_server


@contextmanager
def environment_of_the_run(server: str | None) -> Iterator[str]:
    """The environment of a process that collects tests: it leads to the sandbox of a name, which is given out.

    There is none of that name until a test opens it. A client that asks earlier is refused.
    """
    access = Access(shared_server(server or "thread").root, sandbox_name(os.environ.get("PYTEST_XDIST_WORKER", "main")))
    with environment(access, no_proxy=True):
        yield access.name


@contextmanager
def opened_for(item: pytest.Item, shared_name: str | None, options: Mapping[str, Any]) -> Iterator[Sandbox]:
    """``sandbox(**options)`` for a test, under ``shared_name`` where the run has one."""
    options = dict(options)
    if options["server"] is None and files_are_faked(getattr(item, "fixturenames", ()), getattr(item, "cls", None)):
        options["server"] = "process"
    if shared_name is not None:
        options.setdefault("name", shared_name)
    with ExitStack() as stack:
        try:
            box = stack.enter_context(sandbox(**options))
        except ControlError as error:
            if error.code != "sandbox_exists" or options.get("name") != shared_name:
                raise
            _close(options["server"], options["name"])
            box = stack.enter_context(sandbox(**options))
        yield box


def _close(server: str | None, name: str) -> None:
    """Close what was opened under a name between two tests."""
    access = Access(shared_server(server or "thread").root, name)
    control = ControlPlane(access.root, access.api_key)
    control.delete("sandboxes/current")
    control.close()
