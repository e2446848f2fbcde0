"""Where the command line keeps what outlives a command: the client's journal, and the state of the local server."""

from __future__ import annotations

import os
from pathlib import Path

from mocktune.cli.exits import fail

VARIABLE = "MOCKTUNE_STATE_DIR"


def state_folder() -> Path:
    """``MOCKTUNE_STATE_DIR``, else the platform's folder for the state of programs. It is made where there is none;
    only its owner may read it, since training files lie in it.
    """
    named = os.environ.get(VARIABLE)
    if named:
        folder = Path(named)
    else:
        from platformdirs import user_state_path

        folder = user_state_path("mocktune", appauthor=False)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        fail(f"the folder '{folder}' cannot be made ({error.strerror}); name another one with {VARIABLE}")
    return folder
