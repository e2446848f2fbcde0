"""A client's command as a process group of its own: started, signalled, waited for, and ended with all it has started.

What has put itself into another session is out of reach. Windows has no such groups: there the command alone is ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

from mocktune.clock import stopwatch_ns

NOT_EXECUTABLE = 126
NOT_FOUND = 127
BY_SIGNAL = 128
"""Exit codes as shells have them; a command that a signal ended is 128 and the signal's number."""

END_GRACE_S = 3.0
"""Wall time a group has between SIGTERM and SIGKILL."""

LOOK_S = 0.01

_POSIX = os.name == "posix"


class CannotStart(Exception):
    """The command was not started; ``exit_code`` is the one a shell would give."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class ProcessGroup:
    """A running command and whatever it has started."""

    def __init__(self, process: subprocess.Popen[bytes], *, apart: bool = True) -> None:
        self.process = process
        self._apart = apart and _POSIX

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        bufsize: int = -1,
        apart: bool = True,
    ) -> ProcessGroup:
        """Start ``command``, found by the ``PATH`` of ``environment``. Streams are inherited unless given. Not
        ``apart`` it stays in the group of this process, and what it leaves behind is not ended. Raises ``CannotStart``.
        """
        group: dict[str, Any] = {}
        if apart:
            new_group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
            group = {"process_group": 0} if _POSIX else {"creationflags": new_group}
        try:
            process = subprocess.Popen(
                list(command),
                env=dict(environment),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                bufsize=bufsize,
                **group,
            )
        except FileNotFoundError as error:
            raise CannotStart(f"command not found: {command[0]}", NOT_FOUND) from error
        except (OSError, ValueError) as error:  # a null within a word is a ValueError
            why = getattr(error, "strerror", None) or error
            raise CannotStart(f"cannot run {command[0]}: {why}", NOT_EXECUTABLE) from error
        return cls(process, apart=apart)

    @property
    def exit_code(self) -> int | None:
        """As shells tell it; None while the command runs."""
        code = self.process.poll()
        return code if code is None else shell_code(code)

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The exit code, or None where ``timeout_s`` of wall time were not enough."""
        try:
            return shell_code(self.process.wait(timeout_s))
        except subprocess.TimeoutExpired:
            return None

    def watch(self) -> threading.Event:
        """An event that is set when the command has come to its end."""
        ended = threading.Event()

        def wait() -> None:
            self.process.wait()
            ended.set()

        threading.Thread(target=wait, name="mocktune-command", daemon=True).start()
        return ended

    def signal(self, number: int) -> None:
        """Send a signal to the whole group; none is left of one that has ended."""
        try:
            if self._apart:
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)
        except (OSError, ValueError):
            pass

    def end(self, grace_s: float = END_GRACE_S) -> None:
        """End the command and everything it left behind: SIGTERM, and SIGKILL for what is there ``grace_s`` later."""
        if not self._anybody_left():
            return
        self.signal(signal.SIGTERM)
        until_ns = stopwatch_ns() + grace_s * 1e9
        while self._anybody_left() and stopwatch_ns() < until_ns:
            time.sleep(LOOK_S)
        if self._anybody_left():
            self.signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        self.wait(grace_s)

    def _anybody_left(self) -> bool:
        if self.process.poll() is None:
            return True
        if not self._apart:
            return False
        try:
            os.killpg(self.process.pid, 0)
        except OSError:
            return False
        return True


def shell_code(returned: int) -> int:
    """An exit code as shells tell it, of one as ``subprocess`` does."""
    return BY_SIGNAL - returned if returned < 0 else returned
