"""The same in child processes: a hook that Python and Node load before the client's own code."""

from __future__ import annotations

import contextlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON_HOOK = os.path.join(HERE, "hooks", "python")
NODE_HOOK = os.path.join(HERE, "hooks", "node", "sleeps.cjs")

ROOT_VARIABLE = "MOCKTUNE_SLEEPS_ROOT"
KEY_VARIABLE = "MOCKTUNE_SLEEPS_KEY"


def preload(root: str, api_key: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """Variables with which a child process skips its sleeps: Python and Node, and the children of those.

    ``root`` and ``api_key`` are of the sandbox whose clock is moved; ``inherited`` is the environment that the child
    would have otherwise, and what stands in it is kept. No mocktune needs to be installed where the child runs.
    """
    paths = [path for path in inherited.get("PYTHONPATH", "").split(os.pathsep) if path and path != PYTHON_HOOK]
    return {
        ROOT_VARIABLE: root,
        KEY_VARIABLE: api_key,
        "PYTHONPATH": os.pathsep.join([PYTHON_HOOK, *paths]),
        "NODE_OPTIONS": _node_options(inherited.get("NODE_OPTIONS", "")),
    }


def _node_options(inherited: str) -> str:
    path = NODE_HOOK.replace("\\", "\\\\").replace('"', '\\"')
    ours = f'--require "{path}"'
    return inherited if ours in inherited else (inherited + " " + ours).strip()


def start(root: str, api_key: str) -> None:
    """From here to the end of this process. Called by ``hooks/python/sitecustomize.py``."""
    from .engine import open_session
    from .remote import RemoteTime

    def failed(error: BaseException) -> bool:
        reason = str(error) or type(error).__name__
        line = f"mocktune: the clock at {root} does not answer ({reason}); from here on sleeps take real time\n"
        with contextlib.suppress(Exception):
            sys.stderr.write(line[:500])
        return True

    open_session(RemoteTime(root, api_key), exempt=lambda thread: False, failed=failed)
