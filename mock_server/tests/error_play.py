"""Requests that are refused, played against servers in this process, and the kinds of errors they are answered with."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import pkgutil
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from mocktune import make_settings, running_server
from mocktune.domain import error_kinds
from mocktune.domain.errors import ApiError, ErrorKind
from mocktune.http.azure import translate
from mocktune.http.errors import STATUS
from mocktune_contract.lab import Lab, close_shared_clients

ANY = {"*", "azure.*"}
ADMIN_TOKEN = "mt-admin-of-the-tests"


@dataclass(frozen=True, slots=True)
class Answered:
    """An error and the operation it came from; None for a URL that is none."""

    operation: str | None
    status: int
    error: dict[str, Any]


def kinds() -> dict[str, ErrorKind]:
    """Every kind there is, by module and name."""
    return {
        f"{module.name}.{name}": value
        for module in pkgutil.iter_modules(error_kinds.__path__)
        for name, value in vars(importlib.import_module(f"{error_kinds.__name__}.{module.name}")).items()
        if isinstance(value, ErrorKind)
    }


def is_of(answered: Answered, kind: ErrorKind) -> bool:
    """Whether an answer says what the kind says: its status, type, code and the words of its template."""
    error = answered.error
    status = next(STATUS[each] for each in kind.error.__mro__ if each in STATUS)
    if answered.status != status or not _words(kind.message).fullmatch(error["message"]):
        return False
    if "type" not in error:  # Azure's envelope
        return bool(error["code"] == (kind.code or str(status)))
    of_type = kind.type or kind.error.default_type
    return bool(
        (error["type"], error["code"]) == (of_type, kind.code) and (kind.param is None or error["param"] == kind.param)
    )


@cache
def _words(template: str) -> re.Pattern[str]:
    parts = string.Formatter().parse(template)
    return re.compile(
        "".join(re.escape(text) + ("" if field is None else ".*") for text, field, _, _ in parts), re.DOTALL
    )


# -- servers -----------------------------------------------------------------------------------------------------------


class Servers:
    """Running servers by their settings, and labs on them."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._started: dict[str, str] = {}

    def lab(self, name: str = "", *, base_url: str | None = None, **settings: Any) -> Lab:
        lab = Lab(base_url or self._server(**settings), "sk-" + hashlib.sha256(name.encode()).hexdigest()[:24])
        self._stack.callback(lab.close)
        return lab

    def _server(self, *, scenario: tuple[str, ...] = (), **settings: Any) -> str:
        settings = {"admin_token": ADMIN_TOKEN, **settings}
        name = repr((scenario, sorted(settings.items())))
        if name not in self._started:
            chosen = make_settings("realistic", changes=scenario, clock="frozen", seed=42, **settings)
            self._started[name] = self._stack.enter_context(running_server(chosen)).base_url
        return self._started[name]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with contextlib.ExitStack() as stack:
        yield Servers(stack)
    close_shared_clients()


Operations = Callable[[str, str], str | None]


@pytest.fixture(scope="module")
def description(servers: Servers) -> dict[str, Any]:
    lab = servers.lab()
    answer: dict[str, Any] = lab.keyless.get(f"{lab.root}/openapi.json").json()
    return answer


@pytest.fixture(scope="module")
def operation_of(description: dict[str, Any]) -> Operations:
    """The operation behind a method and a URL; Azure's names begin with ``azure.``."""
    routes = [
        (method.upper(), re.compile(re.sub(r"\\?\{[^}]*\}", "[^/]+", re.escape(path).replace(r"\}", "}"))), operation)
        for path, methods in description["paths"].items()
        for method, operation in ((name, each["x-mocktune-operation"]) for name, each in methods.items())
    ]
    routes.insert(0, ("POST", re.compile("/v1/responses/compact"), "responses.compact"))  # refused, so not described
    # Literal segments win over parameters, as they do in the server's table.
    routes.sort(key=lambda route: route[1].pattern.count("[^/]+"))

    def found(method: str, url: str) -> str | None:
        parts, azure = urlsplit(url), ""
        path = parts.path
        if path.startswith("/openai/"):
            azure = "azure."
            try:
                path = translate(path, parts.query.encode()).path
            except ApiError:
                return None
        operation = next((name for verb, pattern, name in routes if verb == method and pattern.fullmatch(path)), None)
        return operation if operation is None or operation.startswith("azure.") else azure + operation

    return found


def answered_by(answer: httpx2.Response, operation_of: Operations) -> Answered:
    request = answer.request
    return Answered(operation_of(request.method, str(request.url)), answer.status_code, answer.json()["error"])
