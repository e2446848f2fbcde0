"""Calls to the control plane of a running server, on the standard library alone: a command that asks one question
should not load an HTTP framework."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from mocktune.cli.exits import NEGATIVE, USAGE, fail

TIMEOUT_S = 30.0


class ControlPlane:
    """The control plane of the sandbox that ``api_key`` names, at an ``OPENAI_BASE_URL`` with or without ``/v1``."""

    def __init__(self, url: str, api_key: str) -> None:
        self.root = url.rstrip("/").removesuffix("/v1")
        self._api_key = api_key
        # A proxy in the environment is meant for the world outside.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path: str) -> Any:
        return self._call("GET", path, None)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        return self._call("PUT", path, body)

    def post(self, path: str, body: dict[str, Any], *, timeout_s: float = TIMEOUT_S) -> Any:
        return self._call("POST", path, body, timeout_s)

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path, None)

    def _call(self, method: str, path: str, body: dict[str, Any] | None, timeout_s: float = TIMEOUT_S) -> Any:
        """The answer's JSON. Ends the command with the server's own words where it refuses."""
        try:
            request = urllib.request.Request(
                f"{self.root}/_mocktune/{path}",
                method=method,
                data=None if body is None else json.dumps(body).encode(),
                headers={"authorization": f"Bearer {self._api_key}", "content-type": "application/json"},
            )
            with self._opener.open(request, timeout=timeout_s) as answer:
                return _json(answer.read(), self.root)
        except urllib.error.HTTPError as refusal:
            with refusal:
                message = _message(_json(refusal.read(), self.root))
            fail(f"{message} (HTTP {refusal.code})", USAGE if refusal.code == 400 else NEGATIVE)
        except OSError as error:  # urllib's own errors are some of these
            reason = getattr(error, "reason", error)
            reason = getattr(reason, "strerror", None) or reason
            fail(f"no server answers at {self.root} ({reason}); start one with: mocktune serve", NEGATIVE)
        except ValueError as error:
            fail(f"'{self.root}' is no URL: {error}")


def _json(body: bytes, root: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        fail(f"{root} answers, but is no mocktune server", NEGATIVE)


def _message(envelope: object) -> str:
    match envelope:
        case {"error": {"message": str() as message}}:
            return message
    return "the server refused"
