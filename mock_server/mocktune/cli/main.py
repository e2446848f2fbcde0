"""The entry point of the console script and of ``python -m mocktune``."""

from __future__ import annotations

import gc
import sys

from mocktune.cli import signals


def main() -> None:
    """Run the command line. Ctrl-C ends with 130 and without a traceback, also while modules are being imported."""
    # Starting makes a hundred thousand objects that stay; to look for garbage among them costs a fifth of the start.
    gc.disable()
    try:
        from mocktune.cli.app import app

        app(prog_name="mocktune")
    except KeyboardInterrupt:
        sys.exit(signals.INTERRUPTED)
    finally:
        signals.ignore()


def startup_is_over() -> None:
    """Collect garbage from now on, and leave alone what the start has made. A command that stays calls this."""
    gc.freeze()
    gc.enable()
