"""What the tests of several layers share: datasets in a line, a wall that a test moves, services without a network."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from mocktune.bootstrap import bootstrap, make_settings
from mocktune.domain.clock import SECOND, VirtualTime, WallTime
from mocktune.domain.objects import FileView, JobRequest, JobView
from mocktune.domain.scenario import Scenario, with_settings
from mocktune.domain.timeline import Timeline
from mocktune.ports import Blob
from mocktune.service.files import Upload
from mocktune.service.sandboxes import Sandbox, Visit
from mocktune.service.services import Services
from mocktune.service.settling import settle
from mocktune.service.timelines import timeline_of
from mocktune.settings import Settings
from mocktune.storage.scenario_files import load_scenario

NO_WALL = WallTime(1_800_000_000 * SECOND)


def chat_line(question: str = "Hi?", answer: str = "Hello.", **extra: Any) -> str:
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": messages, **extra})


def dataset(examples: int = 12) -> bytes:
    """A valid chat file of ``examples`` lines."""
    lines = [chat_line(f"What is {n} plus {n}?", f"It is {2 * n}, of course.") for n in range(examples)]
    return ("\n".join(lines) + "\n").encode()


BOUNDARY = b"----mocktune"


def form(data: bytes, *, purpose: str | None = "fine-tune", filename: str = "a.jsonl") -> bytes:
    """A multipart body with ``data`` as its file."""
    parts = []
    if purpose is not None:
        parts.append(b'Content-Disposition: form-data; name="purpose"\r\n\r\n' + purpose.encode())
    parts.append(
        b'Content-Disposition: form-data; name="file"; filename="' + filename.encode()
        + b'"\r\nContent-Type: application/octet-stream\r\n\r\n' + data
    )  # fmt: skip
    return b"".join(b"--" + BOUNDARY + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + BOUNDARY + b"--\r\n"


def settings(
    scenario: str = "realistic", *changes: str, clock: str = "frozen", seed: int = 42, **others: Any
) -> Settings:
    return make_settings(scenario, changes=changes, clock=clock, seed=seed, **others)


def scenario(name: str = "realistic", *changes: str) -> Scenario:
    return with_settings(load_scenario(name), changes)


@dataclass
class Wall:
    """A wall clock that stands until a test moves it."""

    now: WallTime = NO_WALL

    def wall(self) -> WallTime:
        return self.now


@dataclass
class Lab:
    """The services of one server and one sandbox of it, driven without HTTP on a frozen clock."""

    services: Services
    key: str = "sk-lab"
    wall: WallTime = NO_WALL
    _files: list[FileView] = field(default_factory=list)

    @classmethod
    def open(cls, scenario: str = "realistic", *changes: str, seed: int = 42, **others: Any) -> Lab:
        return cls(bootstrap(settings(scenario, *changes, seed=seed, **others), clock=Wall()))

    async def visit(self) -> Visit:
        """A visit as the front layer makes one: ``now`` read once, what was due by now entered."""
        visit = self._at(self.services.sandboxes.open(self.key, self.wall))
        await settle(visit, self.services.datasets)
        return visit

    def _at(self, sandbox: Sandbox) -> Visit:
        return Visit(sandbox, sandbox.clock.now(self.wall), self.wall)

    async def timeline(self, id: str) -> Timeline:
        job = (await self.visit()).sandbox.jobs.get(id)
        assert job is not None
        return await timeline_of(job, self.services.datasets)

    async def advance(self, seconds: float) -> VirtualTime:
        result = await self.services.clocks.advance_by(await self.visit(), round(seconds * SECOND))
        return result.now

    async def upload(self, data: bytes | None = None, purpose: str = "fine-tune", name: str = "a.jsonl") -> FileView:
        data = dataset() if data is None else data
        upload = Upload(name, purpose, self.blob(data), data[: 1024 * 1024])
        return await self.services.files.create(await self.visit(), upload)

    def blob(self, data: bytes) -> Blob:
        writer = self.services.blobs.writer()
        writer.write(data)
        return writer.commit()

    async def create(self, training_file: str | None = None, **request: Any) -> JobView:
        file = training_file or (await self.upload()).id
        request = {"model": "gpt-4o-mini-2024-07-18", **request}
        return await self.services.jobs.create(await self.visit(), JobRequest(training_file=file, **request))

    async def job(self, id: str) -> JobView:
        return await self.services.jobs.retrieve(await self.visit(), id)

    async def run_to_end(self, id: str) -> JobView:
        """Advance to the last thing that happens in the job's life."""
        timeline = await self.timeline(id)
        await self.services.clocks.advance_to(await self.visit(), timeline.landmarks()[-1] / SECOND + 1)
        return await self.job(id)

    def close(self) -> None:
        self.services.close()
