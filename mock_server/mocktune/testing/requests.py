"""What the client under test asked for: a sandbox's journal, as a list that assertions read well of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, overload

from mocktune.testing.control import ControlError, ControlPlane

PAGE = 1000

ALIASES: dict[str, str] = {
    "chat": "chat.completions.create",
    "responses": "responses.create",
    "create": "fine_tuning.jobs.create",
    "retrieve": "fine_tuning.jobs.retrieve",
    "poll": "fine_tuning.jobs.retrieve",
    "list": "fine_tuning.jobs.list",
    "cancel": "fine_tuning.jobs.cancel",
    "pause": "fine_tuning.jobs.pause",
    "resume": "fine_tuning.jobs.resume",
    "events": "fine_tuning.jobs.list_events",
    "checkpoints": "fine_tuning.jobs.checkpoints.list",
    "jobs": "fine_tuning.jobs.*",
    "upload": "files.create",
    "files": "files.*",
    "models": "models.*",
}
"""Short names of what fine-tuning clients do most. Everything else has the SDK's name, or a glob of it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``at`` is in the sandbox's time; ``body`` and ``response`` are parsed JSON where they are JSON, None
    where nothing was kept; ``status`` is 0 where no answer came. ``committed``: it was carried out; ``lost``: its
    answer did not arrive whole. ``raw`` is the entry as the control plane answers it.
    """

    operation: str
    method: str
    path: str
    status: int
    at: datetime
    committed: bool
    lost: bool
    body: Any
    response: Any
    query: Mapping[str, Any]
    headers: Mapping[str, str]
    id: str
    ordinal: int
    raw: Mapping[str, Any]

    def __str__(self) -> str:
        more = "  lost" if self.lost else ""
        return (
            f"#{self.ordinal:<4} {self.at:%m-%d %H:%M:%S}  {self.status or '-':>3}  {self.operation or self.path}{more}"
        )


class Requests:
    """Requests in the order in which they were answered."""

    def __init__(self, requests: list[Request]) -> None:
        self._requests = requests

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        return iter(self._requests)

    @overload
    def __getitem__(self, at: int) -> Request: ...
    @overload
    def __getitem__(self, at: slice) -> Requests: ...
    def __getitem__(self, at: int | slice) -> Request | Requests:
        return Requests(self._requests[at]) if isinstance(at, slice) else self._requests[at]

    @property
    def count(self) -> int:
        return len(self._requests)

    @property
    def committed(self) -> Requests:
        """Those that were carried out, whether or not the client was told."""
        return self.where(lambda each: each.committed)

    @property
    def refused(self) -> Requests:
        """Those that were answered with an error."""
        return self.where(lambda each: each.status >= 400)

    @property
    def lost(self) -> Requests:
        """Those whose answer did not arrive whole."""
        return self.where(lambda each: each.lost)

    @property
    def bodies(self) -> list[Any]:
        return [each.body for each in self._requests]

    @property
    def responses(self) -> list[Any]:
        return [each.response for each in self._requests]

    @property
    def statuses(self) -> list[int]:
        return [each.status for each in self._requests]

    @property
    def operations(self) -> list[str]:
        return [each.operation for each in self._requests]

    def where(self, holds: Callable[[Request], bool]) -> Requests:
        return Requests([each for each in self._requests if holds(each)])

    def __repr__(self) -> str:
        return "\n".join([f"<{len(self)} requests>", *(f"  {each}" for each in self._requests)])


def find_requests(control: ControlPlane, operation: str | None = None, **filters: object) -> Requests:
    """Filters are those of ``POST /_mocktune/requests/find``. Raises ``ValueError`` for an operation there is not."""
    body: dict[str, object] = {name: value for name, value in filters.items() if value is not None}
    if operation is not None:
        body["operation"] = ALIASES.get(operation, operation)
    found: list[Request] = []
    while True:
        try:
            page = control.post("requests/find", {**body, "limit": PAGE})
        except ControlError as error:
            if error.status == 400:
                raise ValueError(str(error)) from None
            raise
        found += [_request(each) for each in page["data"]]
        if not page["has_more"]:
            return Requests(found[::-1])
        body["after"] = page["last_id"]


def last_requests(control: ControlPlane, count: int) -> Requests:
    return Requests([_request(each) for each in control.get("requests", limit=count)["data"]][::-1])


def _request(entry: Mapping[str, Any]) -> Request:
    return Request(
        operation=entry["operation"],
        method=entry["method"],
        path=entry["path"],
        status=entry["status"],
        at=datetime.fromtimestamp(entry["at"], UTC),
        committed=entry["committed"],
        lost=entry["lost"],
        body=entry["request"]["content"],
        response=entry["response"]["content"],
        query=entry["query"],
        headers=entry["headers"],
        id=entry["id"],
        ordinal=entry["ordinal"],
        raw=entry,
    )
