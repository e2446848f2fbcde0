"""Carries out the Dockerfile's own instructions without a container engine, then what the compose file does with them.

An image is a fresh virtual environment below a temporary root; paths that the Dockerfile names are moved below it. The
server is run by its ENTRYPOINT as its USER (as nobody when this runs as root), asked by its HEALTHCHECK, and the
contract suite is run against it by the ENTRYPOINT of the tests stage. Ends with a line that says so, or fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from dockerfile import Stage, parse_copy, read_stages

PROJECT = Path(__file__).resolve().parent.parent
AS_ROOT = os.geteuid() == 0
NOBODY = 65534
QUIET = {"PIP_QUIET": "2", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}


def main() -> None:
    stages = read_stages(PROJECT / "Dockerfile")
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text("utf-8"))["services"]
    with tempfile.TemporaryDirectory(prefix="mocktune-replay-") as folder:
        os.chmod(folder, 0o755)
        images = {name: Path(folder, name) for name in stages}
        for stage in stages.values():
            build(stage, images)
        server = stages[services["mocktune"]["build"]["target"]]
        environment = {**server.environment, **written_out(services["mocktune"]["environment"])}
        refuses_to_start_without_a_token(server, images[server.name], environment)
        with running(server, images[server.name], environment) as (ready, port):
            wait_until_healthy(server, images[server.name], environment | {"MOCKTUNE_PORT": str(port)})
            answers_only_for_its_hosts(port, environment["MOCKTUNE_ALLOWED_HOST"])
            tests = stages[services["tests"]["build"]["target"]]
            # There is no network of containers here, so the sibling calls the server by its address.
            arguments = [
                re.sub(r"//mocktune:\d+", f"//127.0.0.1:{port}", each) for each in services["tests"]["command"]
            ]
            print(f"replay: {' '.join([*tests.entrypoint, *arguments])}", flush=True)
            run_in(tests, images[tests.name], [*tests.entrypoint, *arguments], tests.environment)
    print(
        f"replay: ok, {'as nobody' if AS_ROOT else 'as this user'}: built, started, healthy, tested, stopped ({ready})"
    )


# -- building ----------------------------------------------------------------------------------------------------------


def build(stage: Stage, images: dict[str, Path]) -> None:
    root = images[stage.name]
    print(f"replay: building {stage.name} from {stage.image}", flush=True)
    subprocess.run([interpreter(), "-m", "venv", root / "usr/local"], check=True)
    workdir = root
    for keyword, text in stage.steps:
        print(f"replay: {keyword} {text}", flush=True)
        if keyword == "WORKDIR":
            workdir = root / text.lstrip("/")
            workdir.mkdir(parents=True, exist_ok=True)
        elif keyword == "COPY":
            copy(text, workdir, root, images)
        else:
            subprocess.run(
                ["sh", "-ec", below(text, root)], cwd=workdir, env=environment_of(root, os.environ | QUIET), check=True
            )


def copy(text: str, workdir: Path, root: Path, images: dict[str, Path]) -> None:
    """As COPY does it: a folder's content goes into the target, a file into a target that ends in a slash."""
    wanted = parse_copy(text)
    source_root = PROJECT if wanted.source_stage is None else images[wanted.source_stage]
    target = root / wanted.target.lstrip("/") if wanted.target.startswith("/") else workdir / wanted.target
    for name in wanted.sources:
        source = source_root / name.lstrip("/")
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            into = target / source.name if wanted.target.endswith("/") else target
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, into)


def interpreter() -> str:
    """A Python that the server's user can run too: nobody cannot look into root's home."""
    for candidate in (os.path.realpath(sys.executable), "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            subprocess.run([candidate, "-c", "import ensurepip"], check=True, capture_output=True, **identity())
        except (OSError, subprocess.CalledProcessError):
            continue
        return candidate
    raise SystemExit("replay: no Python with ensurepip that nobody may run; install python3-venv")


def below(text: str, root: Path) -> str:
    """``text`` with the paths of an image moved below ``root``."""
    return re.sub(r"(?<![\w.$])/(?=(?:src|dist|usr/local|tmp)\b)", f"{root}/", text)


# -- running -----------------------------------------------------------------------------------------------------------


def identity() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if AS_ROOT else {}


def environment_of(root: Path, base: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in base.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return kept | {"PATH": f"{root}/usr/local/bin:/usr/bin:/bin"}


def command_below(stage: Stage, root: Path, command: list[str]) -> list[str]:
    assert stage.user not in ("root", "0"), f"the {stage.name} stage runs as root"
    return [str(root / "usr/local/bin" / command[0]), *command[1:]]


def run_in(stage: Stage, root: Path, command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(
        command_below(stage, root, command),
        cwd=root / stage.workdir.lstrip("/"),
        env=environment_of(root, environment),
        check=True,
        timeout=600,
        **identity(),
    )


@contextlib.contextmanager
def running(stage: Stage, root: Path, environment: dict[str, str]) -> Iterator[tuple[dict[str, Any], int]]:
    """The stage's ENTRYPOINT on a free port, until the block ends; then SIGTERM must end it."""
    process = subprocess.Popen(
        command_below(stage, root, stage.entrypoint),
        cwd=root / stage.workdir.lstrip("/"),
        env=environment_of(root, environment | {"MOCKTUNE_PORT": str(free_port())}),
        stdout=subprocess.PIPE,
        text=True,
        **identity(),
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["event"] == "ready", ready
        owner = Path(f"/proc/{process.pid}").stat().st_uid if Path("/proc").exists() else NOBODY
        assert owner == (NOBODY if AS_ROOT else os.getuid()), owner
        shown = {name: value for name, value in ready.items() if name != "admin_token"}
        yield shown, int(ready["root"].rpartition(":")[2])
        process.terminate()
        assert process.wait(15) in (0, -15), f"SIGTERM ended the server with {process.returncode}"
    finally:
        process.kill()
        process.wait()


def refuses_to_start_without_a_token(stage: Stage, root: Path, environment: dict[str, str]) -> None:
    bare = {name: value for name, value in environment.items() if name != "MOCKTUNE_ADMIN_TOKEN"}
    done = subprocess.run(
        command_below(stage, root, stage.entrypoint),
        cwd=root / stage.workdir.lstrip("/"),
        env=environment_of(root, bare | {"MOCKTUNE_PORT": str(free_port())}),
        capture_output=True,
        text=True,
        timeout=30,
        **identity(),
    )
    assert done.returncode == 2, f"without an admin token: exit code {done.returncode}, not 2\n{done.stderr}"
    print(f"replay: without MOCKTUNE_ADMIN_TOKEN: {' '.join(done.stderr.split())}", flush=True)


def wait_until_healthy(stage: Stage, root: Path, environment: dict[str, str]) -> None:
    for attempt in range(1, 31):
        done = subprocess.run(
            command_below(stage, root, stage.healthcheck),
            env=environment_of(root, environment),
            capture_output=True,
            text=True,
            timeout=10,
            **identity(),
        )
        if done.returncode == 0:
            print(f"replay: healthy at check {attempt}", flush=True)
            return
        time.sleep(0.2)
    raise SystemExit(f"replay: never healthy\n{done.stderr}")


def answers_only_for_its_hosts(port: int, allowed: str) -> None:
    assert status_for_host(port, f"{allowed}:{port}") == 200
    assert status_for_host(port, "elsewhere.example") == 403


def status_for_host(port: int, host: str) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/_mocktune/health", headers={"host": host})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def written_out(environment: dict[str, str]) -> dict[str, str]:
    """``${NAME:-default}`` as compose writes it where NAME is not set."""
    return {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value) for name, value in environment.items()}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


if __name__ == "__main__":
    main()
