"""Which server is tested: what it is, what it has of what tests need, and which operations it has not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from mocktune_contract.needs import REASONS
from mocktune_contract.operations import OPERATIONS, Operation

LOOPBACK = ("127.0.0.1", "localhost", "::1")
NOWHERE = "mocktune-contract-none"
"""The id of an object, and the name of a path, that no server has."""

MAX_SILENCES = 3
"""Requests in a row without an answer, after which a server is taken for gone."""

GRADES = {True: "yes", False: "no", None: "not asked"}


class TargetError(Exception):
    """The target cannot be tested, for the reason in the message."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen of one operation: ``status`` is the answer's, 0 where there was none."""

    present: bool
    status: int

    def __str__(self) -> str:
        return f"{GRADES[self.present]} ({self.status or 'no answer'})"


@dataclass(frozen=True, slots=True)
class Target:
    """The server under test.

    ``kind``: ``served`` and ``in process`` are servers of this run, ``mocktune`` and ``other`` were named by
    ``--target``. ``key`` is None where any key opens a sandbox of its own. ``scenario`` is what each sandbox has to be
    told to play. ``found`` has an entry for each operation of a server of another make.
    """

    base_url: str
    kind: str
    key: str | None = None
    has: frozenset[str] = frozenset(REASONS)
    scenario: str | None = None
    wire: str = "observed"
    identity: str = "mocktune"
    timeout_s: float = 60.0
    found: dict[str, Found] = field(default_factory=dict)

    @property
    def own(self) -> bool:
        return self.kind in ("served", "in process")

    @property
    def foreign(self) -> bool:
        return self.kind == "other"

    def missing(self, operations: Iterable[str]) -> list[str]:
        """Those of ``operations`` that the server was seen not to have."""
        return [name for name in operations if name in self.found and not self.found[name].present]

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "has": sorted(self.has)})

    @classmethod
    def from_json(cls, text: str) -> Target:
        fields = json.loads(text)
        found = {name: Found(**each) for name, each in fields.pop("found").items()}
        return cls(**{**fields, "has": frozenset(fields["has"]), "found": found})


def find_target(url: str, key: str | None, provides: frozenset[str], timeout_s: float) -> Target:
    """The server at ``url``, asked what it is. Raises ``TargetError`` where it cannot be tested."""
    base_url = url.rstrip("/").removesuffix("/v1") + "/v1"
    if urlsplit(base_url).scheme not in ("http", "https"):
        raise TargetError(f"{url} is no URL: it begins with http:// or https://")
    with httpx2.Client(timeout=timeout_s, headers={"authorization": f"Bearer {key or 'none'}"}) as http:
        root = base_url.removesuffix("/v1")
        try:
            answer = http.get(f"{root}/_mocktune/capabilities", headers={"authorization": f"Bearer {key or 'sk-any'}"})
        except httpx2.HTTPError as error:
            raise TargetError(f"{base_url} cannot be reached: {type(error).__name__}: {error}") from None
        played = _json(answer)
        if answer.status_code == 200 and isinstance(played.get("settings"), dict):
            return _mocktune(base_url, played, provides, timeout_s)
        if not key and "sandboxes" not in provides:
            raise TargetError(
                f"{base_url} is no mocktune server: give --api-key, or --provides sandboxes if any will do"
            )
        _check_the_key(http, base_url, key)
        found = find_operations(http, base_url)
        return Target(
            base_url,
            "other",
            key=None if "sandboxes" in provides else key,
            has=provides | {"tcp"} | ({"azure"} if found["azure.deployments.list"].present else set()),
            identity=_identity(answer),
            timeout_s=timeout_s,
            found=found,
        )


def _mocktune(base_url: str, played: dict[str, Any], provides: frozenset[str], timeout_s: float) -> Target:
    settings = played["settings"]
    for setting in ("loose", "stateless"):
        if settings[setting]:
            raise TargetError(f"{base_url} was started with --{setting}: the contract is not what it plays")
    has = set(REASONS) - {"settings"}
    if urlsplit(base_url).hostname not in LOOPBACK and "webhooks" not in provides:
        has -= {"webhooks"}
    return Target(
        base_url,
        "mocktune",
        has=frozenset(has),
        scenario=None if settings["scenario"] == "realistic" else "realistic",
        wire=settings["wire"],
        identity=f"mocktune {played['version']}",
        timeout_s=timeout_s,
    )


def _check_the_key(http: httpx2.Client, base_url: str, key: str | None) -> None:
    answer = http.get(f"{base_url}/models")
    if answer.status_code in (401, 403):
        told = _json(answer).get("error")
        message = told.get("message") if isinstance(told, dict) else None
        raise TargetError(
            f"{base_url} refuses the API key with status {answer.status_code}: {message or answer.text[:200]}"
            if key
            else f"{base_url} refuses keys of our own making: give --api-key, without --provides sandboxes"
        )


def find_operations(http: httpx2.Client, base_url: str) -> dict[str, Found]:
    """Asks for every operation once, with ids of nothing and empty bodies, so that nothing is made."""
    found: dict[str, Found] = {}
    silences = 0
    for operation in OPERATIONS:
        seen = ask_for(http, base_url, operation)
        found[operation.name] = seen
        silences = 0 if seen.status else silences + 1
        if silences == MAX_SILENCES:
            raise TargetError(
                f"{base_url} answered none of {MAX_SILENCES} requests in a row, {operation.name} the last"
            )
    return found


def ask_for(http: httpx2.Client, base_url: str, operation: Operation) -> Found:
    """Whether the server has ``operation``.

    It has not where it answers 405 or 501, or a 404 that it also has for a path nobody ever thought of. A server may
    have the same bare 404 for an object it does not know: then a path it knows refuses another method with 405.
    """
    path = re.sub(r"\{\w+\}", NOWHERE, operation.path)
    url = base_url.removesuffix("/v1") + path
    body: dict[str, Any] = {} if operation.method in ("GET", "DELETE") else {"json": {}}
    try:
        answer = http.request(operation.method, url, **body)
        if answer.status_code in (405, 501):
            return Found(False, answer.status_code)
        if answer.status_code == 404:
            elsewhere = path.replace(path.split("/")[2], f"{NOWHERE}-path", 1)
            unknown = http.request(operation.method, base_url.removesuffix("/v1") + elsewhere, **body)
            if _said(answer, path) == _said(unknown, elsewhere):
                known = http.request("PROPPATCH", url).status_code == 405 and "{" in operation.path
                return Found(known and _allows(http, url, operation.method), 404)
        return Found(True, answer.status_code)
    except httpx2.HTTPError:
        return Found(False, 0)


def _allows(http: httpx2.Client, url: str, method: str) -> bool:
    allowed = http.request("PROPPATCH", url).headers.get("allow", "")
    return not allowed or method in allowed


def _said(answer: httpx2.Response, path: str) -> tuple[int, str]:
    """The answer without what differs from path to path."""
    return answer.status_code, re.sub(r"req_\w+", "", answer.text.replace(path, "PATH"))


def _identity(answer: httpx2.Response) -> str:
    return answer.headers.get("server") or "a server that does not say what it is"


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        read = answer.json()
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}
