"""The server that a command starts for itself where none runs: it goes on where the one of the last command ended.

Its state lies in a file, which one server at a time has. A command that comes while another one has it uses that
command's server, which then stays until both are done. All keys share its one sandbox.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mocktune.cli.exits import NEGATIVE, fail
from mocktune.cli.signals import held
from mocktune.cli.state_folder import state_folder
from mocktune.clock import stopwatch_ns

if TYPE_CHECKING:
    from mocktune.domain.state import State
    from mocktune.server import RunningServer
    from mocktune.settings import Settings

NAME = "local-server"
LOOK_S = 0.1
PATIENCE_S = 3600.0
HEALTH_TIMEOUT_S = 2.0
MAX_URL_BYTES = 4096


@contextmanager
def kept_server(scenario: str | None, clock: str | None) -> Iterator[tuple[str, bool]]:
    """The base URL of a server on a free port of loopback, and whether another command has started it. Ends the command
    for a scenario, a clock or a state that cannot be read. With a scenario or a clock it is always a server of this
    command's own.
    """
    settings = _settings(scenario, clock)
    place = _Place(state_folder())
    waited = False
    until_ns = stopwatch_ns() + PATIENCE_S * 1e9
    while True:
        if place.take():
            with _own(place, settings) as server:
                yield server.base_url, False
            return
        if scenario is None and clock is None:
            with place.joined() as base_url:
                if base_url is not None:
                    yield base_url, True
                    return
        if not waited:
            waited = True
            _tell("another command uses the local server: waiting until it is done")
        if stopwatch_ns() > until_ns:
            fail("another command still uses the local server. Start one for both, with: mocktune serve", NEGATIVE)
        time.sleep(LOOK_S)


def _tell(text: str) -> None:
    print(f"mocktune: {text}", file=sys.stderr, flush=True)


def _settings(scenario: str | None, clock: str | None) -> Settings:
    from mocktune.bootstrap import make_settings

    try:
        settings = make_settings(scenario or "quick", clock=clock or "real")
    except ValueError as error:
        fail(str(error))
    if settings.clock.rate == 0:
        fail("--clock: a command waits for its job, which a frozen clock never ends: real, or a factor such as x60")
    return settings


@contextmanager
def _own(place: _Place, settings: Settings) -> Iterator[RunningServer]:
    try:
        settings = _with_state(settings, place.state_file)
        with held():
            from mocktune.cli.main import startup_is_over
            from mocktune.server import running_server

            startup_is_over()
        with ExitStack() as stack:
            server = stack.enter_context(running_server(settings))
            try:
                place.announce(server.base_url)
                yield server
                place.wait_for_others()
            finally:
                place.withdraw()
                with held():  # the saving is quick, and nothing may cut it short
                    stack.close()
        keeper = server.services.state_keeper
        if keeper is not None and keeper.fault is not None:
            _tell(
                f"what this command did is not kept for the next one: {keeper.fault}. For files of this size start a "
                "server that goes on, with: mocktune serve"
            )
    finally:
        place.give_back()


# -- who has it --------------------------------------------------------------------------------------------------------


class _Place:
    """The folder of the kept server. Locks go with their process, however that ends."""

    def __init__(self, folder: Path) -> None:
        from filelock import FileLock

        self.state_file = folder / f"{NAME}.json"
        self._url_file = folder / f"{NAME}.url"
        self._users = folder / f"{NAME}.users"
        self._lock = FileLock(folder / f"{NAME}.lock")

    def take(self) -> bool:
        from filelock import Timeout

        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        self._url_file.unlink(missing_ok=True)  # of one that was killed
        return True

    def give_back(self) -> None:
        self._lock.release()

    def announce(self, base_url: str) -> None:
        from mocktune.storage.state_files import write_file

        write_file(self._url_file, json.dumps({"base_url": base_url}).encode())

    def withdraw(self) -> None:
        """From now on nobody joins."""
        self._url_file.unlink(missing_ok=True)

    @contextmanager
    def joined(self) -> Iterator[str | None]:
        """The base URL of the server that another command has, which stays as long as this block; None for none."""
        from filelock import FileLock

        self._users.mkdir(mode=0o700, exist_ok=True)
        mine = self._users / f"{os.getpid()}.lock"
        # In this order: whoever ends its server takes the URL away first, and then looks for users.
        with FileLock(mine):
            yield self._announced()
        mine.unlink(missing_ok=True)

    def _announced(self) -> str | None:
        from mocktune.cli.health import is_mocktune

        try:
            with self._url_file.open("rb") as source:
                url = json.loads(source.read(MAX_URL_BYTES))["base_url"]
            return url if is_mocktune(url.removesuffix("/v1"), HEALTH_TIMEOUT_S) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def wait_for_others(self) -> None:
        """Returns when no other command uses the server. An interrupt ends the waiting."""
        from filelock import FileLock, Timeout

        self.withdraw()
        told = False
        for path in sorted(self._users.glob("*.lock")) if self._users.is_dir() else []:
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if not told:
                    told = True
                    _tell("another command uses the local server of this one: it stays until that is done")
                lock.acquire(poll_interval=LOOK_S)
            lock.release()
            path.unlink(missing_ok=True)


# -- its state ---------------------------------------------------------------------------------------------------------

MAX_KEPT_BYTES = 64 * 1024 * 1024
"""Of the contents of files a server begins with: half of what can be saved, so that there is room for new ones."""


def _with_state(settings: Settings, path: Path) -> Settings:
    """Ends the command for a state that cannot be read; it is left as it is."""
    from mocktune.domain.state import StateError
    from mocktune.storage.state_files import open_state_file

    try:
        state = open_state_file(path)
        fault = None
        if (size := _content_bytes(state)) > MAX_KEPT_BYTES:
            _tell(f"the kept state of the local server has grown to {size:,} bytes: what is oldest is dropped")
            state = shortened(state, MAX_KEPT_BYTES)
            from mocktune.cli.foreground import fault_of_state

            fault = fault_of_state(replace(settings, state=state))
        settings = replace(settings, state=state, save_state_to=str(path))
    except StateError as error:
        fault = str(error)
    if fault is not None:
        fail(f"the kept state of the local server cannot be read: {fault}. Delete '{path}' to begin anew", NEGATIVE)
    return settings


def shortened(state: State, max_bytes: int) -> State:
    """``state`` with its newest jobs and files, as far as their contents are together at most ``max_bytes``.

    Jobs whose model was tuned by one that is dropped go too, and all that is neither a file nor a job.
    """
    import msgspec

    from mocktune.domain.models import resolve_base_model

    sizes = {file.id: _size(file.content or file.content_base64) for file in state.files}
    wanted: dict[str, None] = {}
    jobs = []
    for job in reversed(state.jobs):
        needed = {id: None for id in (job.training_file, job.validation_file) if id in sizes}
        if sum(sizes[id] for id in wanted | needed) > max_bytes:
            break
        wanted |= needed
        jobs.append(job)
    jobs.reverse()
    brought_forth = {job.fine_tuned_model for job in jobs}
    jobs = [job for job in jobs if resolve_base_model(job.model) is not None or job.model in brought_forth]
    for file in reversed(state.files):
        if sum(sizes[id] for id in wanted | {file.id: None}) <= max_bytes:
            wanted[file.id] = None
    files = [file for file in state.files if file.id in wanted]
    return msgspec.structs.replace(state, files=files, jobs=jobs, models=[], objects={}, gone=[])


def _content_bytes(state: State) -> int:
    return sum(_size(file.content or file.content_base64) for file in state.files)


def _size(text: str | None) -> int:
    return 0 if text is None else len(text.encode("utf-8", "surrogatepass"))
