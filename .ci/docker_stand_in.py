"""A stand-in for a Docker engine, for machines that have none: its containers are ``mocktune serve`` on loopback.

It answers the few calls that testcontainers makes to create, start, inspect and remove one container. There is no
image, no isolation and no network of containers: what is shown is that the recipe names the image's port, variables
and health check rightly, and that testcontainers takes it from there. What only a real engine can show, that the image
itself builds and starts, is the part of ``replay_dockerfile.py``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

API_VERSION = "1.44"


class DockerStandIn:
    """Listens on a loopback port while the block lasts. ``host`` is what ``DOCKER_HOST`` takes; ``created`` are the
    bodies of the containers that were asked for; ``mocktune`` is the command that a container runs."""

    def __init__(self, mocktune: Path, image: str, port: int) -> None:
        self.image = image
        self.port = port
        self.created: list[dict[str, Any]] = []
        self.removed = 0
        self._mocktune = mocktune
        self._process: subprocess.Popen[str] | None = None
        self._published = 0
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                path = re.sub(r"^/v[\d.]+|\?.*$", "", self.path)
                status, said = stand_in.answer(self.command, path, body)
                data = b"" if said is None or self.command == "HEAD" else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Api-Version", API_VERSION)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = do_HEAD = answer

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"tcp://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> DockerStandIn:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        match method, path:
            case "GET" | "HEAD", "/_ping":
                return 200, "OK"
            case "GET", "/version":
                return 200, {"ApiVersion": API_VERSION, "MinAPIVersion": "1.24", "Version": "0", "Os": "linux"}
            case "GET", "/info":
                return 200, {"ServerVersion": "0", "OperatingSystem": "stand-in"}
            case "POST", "/containers/create":
                self.created.append(json.loads(body))
                return 201, {"Id": "c0ffee", "Warnings": []}
            case "POST", "/containers/c0ffee/start":
                self._start(self.created[-1])
                return 204, None
            case "GET", "/containers/c0ffee/json":
                return 200, self._inspected()
            case "DELETE", "/containers/c0ffee":
                self._remove()
                return 204, None
        if method == "GET" and path == f"/images/{self.image}/json":
            return 200, {"Id": "sha256:0", "RepoTags": [self.image]}
        return 404, {"message": f"the stand-in knows nothing of {method} {path}"}

    def _start(self, container: dict[str, Any]) -> None:
        environment = dict(variable.split("=", 1) for variable in container["Env"])
        command = [self._mocktune, "serve", "--host", "127.0.0.1", "--port", "0"]
        self._process = subprocess.Popen(
            command,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self._published = int(json.loads(self._process.stdout.readline())["root"].rpartition(":")[2])

    def _inspected(self) -> dict[str, Any]:
        published = [{"HostIp": "127.0.0.1", "HostPort": str(self._published)}] if self._published else None
        asked = self.created[-1]
        return {
            "Id": "c0ffee", "Name": "/mocktune", "Image": "sha256:0", "Config": asked,
            "State": {"Status": "running" if self._process else "created", "Running": self._process is not None},
            "HostConfig": asked.get("HostConfig", {}),
            "NetworkSettings": {
                "Ports": {port: published if port == f"{self.port}/tcp" else None for port in asked["ExposedPorts"]},
                "Networks": {},
            },
        }  # fmt: skip

    def _remove(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
            self.removed += 1
