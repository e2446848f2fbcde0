"""The servers that are measured, each started as ``python _servers.py NAME``; the first line on stdout is JSON.

``filled``    mocktune on a frozen clock, with ``--jobs N`` finished jobs in it; else the command is measured itself
``bare``      an ASGI callable that answers ready bytes, on the same uvicorn: nothing in Python can be faster
``fastapi``   an application of one route, as a tutorial starts it
``stream``    an ASGI callable that sends the events of ``--events FILE`` one by one, as they stand between blank lines
``crowd``     mocktune with ``--sandboxes N`` of ``--jobs N`` finished jobs each, which were retrieved
``sink``      an asyncio protocol that writes what it receives to a file: the ceiling of an upload
"""

from __future__ import annotations

import argparse
import json
import os
from typing import Any, cast

READY_JSON = b'{"object": "ready", "filler": "' + b"x" * 990 + b'"}\n'
"""About 1 KB, the size of a job."""


def say_ready(root: str, **more: object) -> None:
    print(json.dumps({"event": "ready", "root": root, "pid": os.getpid(), **more}), flush=True)


def serve_filled(jobs: int) -> None:
    import gc

    import uvicorn

    from mocktune.bootstrap import bootstrap, make_settings
    from mocktune.server import bind, root_url, uvicorn_config

    services = bootstrap(make_settings("realistic", clock="frozen", seed=42))
    server = uvicorn.Server(uvicorn_config(services))
    gc.freeze()  # as the command does once it has started: only what comes later is looked through
    listening = bind()
    say_ready(root_url(listening), jobs=_finished_jobs(services, jobs))
    server.run(sockets=[listening])


def _finished_jobs(services: Any, count: int) -> list[str]:
    """Jobs of one sandbox, made where the routes make them and driven to their end: their ids, oldest first."""
    import asyncio

    from _data import examples
    from _lib import KEY

    from mocktune.domain.objects import JobRequest
    from mocktune.service.files import Upload
    from mocktune.service.sandboxes import Visit

    sandbox = services.sandboxes.open(KEY, services.clock.wall())

    async def visit() -> Visit:
        return await services.visit(sandbox)

    async def fill() -> list[str]:
        writer, content = services.blobs.writer(), examples(10)
        writer.write(content)
        upload = Upload("examples.jsonl", "fine-tune", writer.commit(), content)
        file = await services.files.create(await visit(), upload)
        made = []
        for number in range(count):
            request = JobRequest("gpt-4o-mini-2024-07-18", file.id, metadata=(("number", str(number)),))
            made.append((await services.jobs.create(await visit(), request)).id)
        await services.clocks.advance_by(await visit(), 7 * 24 * 3600 * 1_000_000)
        return made

    return asyncio.run(fill())


def serve_bare() -> None:
    """The configuration is mocktune's own, with another application in it."""
    headers = [(b"content-length", b"%d" % len(READY_JSON)), (b"content-type", b"application/json")]
    _serve_messages(
        {"type": "http.response.start", "status": 200, "headers": headers},
        {"type": "http.response.body", "body": READY_JSON},
    )


def serve_stream(path: str) -> None:
    """One ``send`` an event, the bytes ready beforehand."""
    from pathlib import Path

    events = [each + b"\n\n" for each in Path(path).read_bytes().split(b"\n\n") if each]
    _serve_messages(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]},
        *({"type": "http.response.body", "body": each, "more_body": True} for each in events),
        {"type": "http.response.body", "body": b""},
    )


def _serve_messages(*messages: dict[str, Any]) -> None:
    import gc

    import uvicorn

    from mocktune.bootstrap import bootstrap, make_settings
    from mocktune.server import bind, root_url, uvicorn_config

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            for message in messages:
                await send(message)
        else:
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

    services = bootstrap(make_settings("realistic"))
    server = uvicorn.Server(uvicorn_config(services))
    services.close()
    server.config.app = app
    gc.freeze()  # as the command does
    listening = bind()
    say_ready(root_url(listening))
    server.run(sockets=[listening])


def serve_crowd(sandboxes: int, jobs: int) -> None:
    """Made by requests through the application, as clients would, before it listens."""
    import asyncio
    import gc

    import uvicorn
    from _asgi import call
    from _data import examples
    from _lib import MULTIPART, multipart

    from mocktune.bootstrap import bootstrap, make_settings
    from mocktune.http.app import create_app
    from mocktune.server import bind, root_url, uvicorn_config

    services = bootstrap(make_settings("realistic", clock="frozen", seed=42))
    app = create_app(services)
    head, tail = multipart("examples.jsonl")

    async def fill(key: str) -> None:
        file = await call(app, "POST", "/v1/files", head + examples(12, key) + tail, MULTIPART, key=key)
        asked = {"model": "gpt-4o-mini-2024-07-18", "training_file": file["id"]}
        made = [await call(app, "POST", "/v1/fine_tuning/jobs", asked, key=key) for _ in range(jobs)]
        await call(app, "POST", "/_mocktune/clock/advance", {"by": "24h"}, key=key)
        for job in made:
            seen = await call(app, "GET", f"/v1/fine_tuning/jobs/{job['id']}", key=key)
            assert seen["status"] == "succeeded"
        await call(app, "PUT", "/_mocktune/clock", {"clock": "real"}, key=key)  # frozen ones would rest by nature

    async def fill_all() -> None:
        for number in range(sandboxes):
            await fill(f"sk-crowd-{number}")

    asyncio.run(fill_all())
    gc.collect()
    config = uvicorn_config(services)
    config.app = app
    listening = bind()
    say_ready(root_url(listening))
    uvicorn.Server(config).run(sockets=[listening])


def serve_fastapi() -> None:
    import socket

    import uvicorn
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/")
    async def read_root() -> dict[str, str]:
        return {"Hello": "World"}

    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(2048)
    say_ready(f"http://127.0.0.1:{listening.getsockname()[1]}")
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listening])


def serve_sink(folder: str, with_hash: bool) -> None:
    import asyncio
    import hashlib
    from pathlib import Path

    import uvloop

    path = Path(folder) / f"sink-{os.getpid()}"
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"

    class Sink(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.Transport, transport)  # uvloop's own class is no subclass
            self.head, self.left = b"", -1
            self.file = path.open("wb", buffering=0)
            self.hash = hashlib.sha256()

        def data_received(self, data: bytes) -> None:
            if self.left < 0:
                self.head += data
                head, blank, data = self.head.partition(b"\r\n\r\n")
                if not blank:
                    return
                self.left = int(head.lower().partition(b"content-length:")[2].split(None, 1)[0])
            self.file.write(data)
            if with_hash:
                self.hash.update(data)
            self.left -= len(data)
            if self.left == 0:
                self.file.close()
                self.hash.hexdigest()
                self.transport.write(answer)

        def connection_lost(self, exc: Exception | None) -> None:
            self.file.close()
            path.unlink(missing_ok=True)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Sink, "127.0.0.1", 0)
        say_ready(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await server.serve_forever()

    uvloop.run(serve())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=("filled", "bare", "fastapi", "stream", "crowd", "sink"))
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--sandboxes", type=int, default=0)
    parser.add_argument("--events", default="")
    parser.add_argument("--folder", default="")
    parser.add_argument("--hash", action="store_true")
    given = parser.parse_args()
    if given.name == "filled":
        serve_filled(given.jobs)
    elif given.name == "bare":
        serve_bare()
    elif given.name == "fastapi":
        serve_fastapi()
    elif given.name == "stream":
        serve_stream(given.events)
    elif given.name == "crowd":
        serve_crowd(given.sandboxes, given.jobs)
    else:
        serve_sink(given.folder, given.hash)


if __name__ == "__main__":
    main()
