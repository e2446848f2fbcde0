"""Calls to the control plane of a running server, as commands make them: what goes wrong ends the command."""

from __future__ import annotations

from typing import Any

from mocktune.cli.exits import NEGATIVE, USAGE, fail
from mocktune.testing import control
from mocktune.testing.control import ControlError, NoAnswerError, NoMocktuneError


class ControlPlane(control.ControlPlane):
    """The control plane of the sandbox that ``api_key`` names, at an ``OPENAI_BASE_URL`` with or without ``/v1``.

    Ends the command with the server's own words where it refuses.
    """

    def __init__(self, url: str, api_key: str) -> None:
        try:
            super().__init__(url, api_key)
        except ValueError as error:
            fail(str(error))
        self._headers["connection"] = "close"  # a command asks little, and has nothing to tidy up then

    def _call(self, method: str, path: str, body: object, timeout_s: float) -> Any:
        try:
            return super()._call(method, path, body, timeout_s)
        except NoAnswerError as error:
            fail(f"no server answers at {self.root} ({error.reason}); start one with: mocktune serve", NEGATIVE)
        except NoMocktuneError as error:
            fail(str(error), NEGATIVE)
        except ControlError as error:
            fail(f"{error} (HTTP {error.status})", USAGE if error.status == 400 else NEGATIVE)
