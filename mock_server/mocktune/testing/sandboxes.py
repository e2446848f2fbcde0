"""``sandbox()``: one test's world, a sandbox with everything around the client under test led into it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal

from mocktune.testing import adoption
from mocktune.testing.clock import ControlledTime, Fired, SandboxClock, when_free
from mocktune.testing.control import ControlError, ControlPlane
from mocktune.testing.durations import Length, duration_text
from mocktune.testing.environment import Access, variables
from mocktune.testing.frozen import MAX_READS, Interruption, NobodyAdvances, interrupted_when_ignored
from mocktune.testing.hosts import NO_PROXY, Refusals, refused_hosts
from mocktune.testing.naming import label_of, sandbox_name
from mocktune.testing.neighbours import files_are_faked, open_sockets, reachable, real_files
from mocktune.testing.playing import Faults, SandboxScenario, scenario_body, scenario_value
from mocktune.testing.requests import Requests, find_requests
from mocktune.testing.servers import Server, shared_server
from mocktune.testing.verdict import Verdict

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI
    from openai.types import FileObject, Model
    from openai.types.fine_tuning import FineTuningJob

    from mocktune.testing.webhooks import Webhooks

Scenario = str | os.PathLike[str] | Mapping[str, Any]
Changes = Mapping[str, Any] | list[str]


class JobEndedOtherwise(AssertionError):
    """A job came to an end, and not to the status that was waited for."""


class Sandbox:
    """A sandbox of one test, and what a test of a client needs of it."""

    def __init__(self, server: Server, access: Access, opened: Mapping[str, Any], control: ControlPlane) -> None:
        self.server = server
        self.access = access
        self.control = control
        self.root = access.root
        self.base_url = access.base_url
        self.api_key = access.api_key
        self.admin_key = access.admin_key
        self.webhook_secret = access.webhook_secret
        self.name = access.name
        self.seed = int(opened["seed"])
        self.clock = SandboxClock(control)
        self.faults = Faults(control)
        self.verdict = Verdict(control)
        self.refusals = Refusals()
        self._scenario = SandboxScenario(control)
        self._at_end = ExitStack()
        self._webhooks: Webhooks | None = None
        self._own_client: OpenAI | None = None
        self.notes: list[str] = []
        self.tells_of_frozen_clock = True
        self.interruption: Interruption | None = None

    # -- clients -----------------------------------------------------------------------------------------------------

    def client(self, **options: Any) -> OpenAI:
        """A client of the official SDK, closed at the end. ``options`` are those of ``OpenAI()``."""
        import openai

        client = openai.OpenAI(**{**self._options(), **options})
        self._at_end.callback(client.close)
        return client

    def async_client(self, **options: Any) -> AsyncOpenAI:
        """The same of ``AsyncOpenAI()``. It keeps no connection open between two requests, so that none is left over
        when the loop it was made in is gone."""
        import openai

        if "http_client" not in options:
            options["http_client"] = _without_keep_alive(openai)
        return openai.AsyncOpenAI(**{**self._options(), **options})

    def _options(self) -> dict[str, Any]:
        return {"base_url": self.base_url, "api_key": self.api_key, "webhook_secret": self.webhook_secret}

    def adopt(self, client: Any) -> None:
        """Lead a client that exists already into the sandbox, in place, until the end: ``OpenAI``, ``AsyncOpenAI``,
        Azure's, or the module ``openai``."""
        self._at_end.callback(adoption.adopt(client, self.access))

    def intercept(self, **options: Any) -> AbstractContextManager[Any]:
        """Lead what is sent to the real host into this sandbox: ``mocktune.testing.intercept`` with it."""
        from mocktune.testing.interception import intercept

        return intercept(self, **options)

    # -- time --------------------------------------------------------------------------------------------------------

    def run_until(
        self, job: str | FineTuningJob, status: str = "terminal", max_virtual: Length = "7d"
    ) -> FineTuningJob:
        """Move the clock until ``job`` has ``status``: one of its statuses, ``terminal`` (any end), or
        ``running@40%``. Raises ``JobEndedOtherwise``, an ``AssertionError``, where the job ends otherwise or is not
        there after ``max_virtual``."""
        __tracebackhide__ = True
        id = job if isinstance(job, str) else job.id
        body = {"until": {"job": id, "status": status}, "max_virtual": duration_text(max_virtual)}
        try:
            reached = when_free(lambda: self.control.post("clock/advance", body))["reached"]
        except ControlError as error:
            if error.code != "clock_bound_reached":
                raise
            raise JobEndedOtherwise(
                f"job {id} is {self._job(id).status}, not {status}, after max_virtual={max_virtual!r}: {error}"
            ) from None
        found = self._job(id)
        if not reached:
            raise JobEndedOtherwise(_ended_otherwise(found, status))
        return found

    def _job(self, id: str) -> FineTuningJob:
        if self._own_client is None:
            self._own_client = self.client(max_retries=5)
        return self._own_client.fine_tuning.jobs.retrieve(id)

    # -- what is in it -----------------------------------------------------------------------------------------------

    def add_file(self, **fields: Any) -> FileObject:
        """A ready-made file, in any status; ``fields`` as ``POST /_mocktune/state/files`` takes them."""
        from openai.types import FileObject

        return FileObject.construct(**self.control.post("state/files", fields))

    def add_job(self, **fields: Any) -> FineTuningJob:
        """A ready-made job, at any point of its life; ``fields`` as ``POST /_mocktune/state/jobs`` takes them."""
        from openai.types.fine_tuning import FineTuningJob

        return FineTuningJob.construct(**self.control.post("state/jobs", fields))

    def add_model(self, **fields: Any) -> Model:
        """A ready-made tuned model; ``fields`` as ``POST /_mocktune/state/models`` takes them."""
        from openai.types import Model

        return Model.construct(**self.control.post("state/models", fields))

    @property
    def scenario(self) -> SandboxScenario:
        """What it plays: ``.name``, ``.play(name, set=…)``; or set it: ``mocktune.scenario = "cold-model-404"``."""
        return self._scenario

    @scenario.setter
    def scenario(self, scenario: Scenario) -> None:
        self._scenario.play(scenario)

    def requests(self, operation: str | None = None, **filters: object) -> Requests:
        """What the client asked for, the oldest first. ``operation`` is the SDK's name, a glob of it, or a short one:
        ``chat create retrieve list cancel events checkpoints upload jobs files models``. ``filters`` are ``status``,
        ``resource``, ``method``, ``committed``, ``lost``, ``body``, ``since``."""
        return find_requests(self.control, operation, **filters)

    @property
    def timeline(self) -> list[Fired]:
        """What happened in it so far, in order."""
        return [Fired(**each) for each in self.account()["happened"]]

    def account(self) -> Any:
        """As ``GET /_mocktune/timeline`` answers it: what happened, how long that took, and what it cost."""
        return self.control.get("timeline")

    @property
    def webhooks(self) -> Webhooks:
        if self._webhooks is None:
            from mocktune.testing.webhooks import Webhooks

            self._webhooks = Webhooks(self.control, self.access)
            self._at_end.callback(self._webhooks.close)
        return self._webhooks

    def close(self) -> None:
        """Close the clients it made and put back those it adopted."""
        self._at_end.close()

    def __repr__(self) -> str:
        return f"<mocktune sandbox {self.name} at {self.root}, seed {self.seed}>"


@contextmanager
def sandbox(
    scenario: Scenario = "realistic",
    *,
    set: Changes | None = None,
    seed: int | None = None,
    clock: str = "frozen",
    advance_on_poll: str | None = None,
    env: bool = True,
    sleeps: Literal["skip", "real"] = "skip",
    refuse_real_hosts: bool = True,
    server: str | None = None,
    name: str | None = None,
    label: str | None = None,
) -> Iterator[Sandbox]:
    """A fresh sandbox, and (unless told otherwise) an environment that leads every client into it, real hosts refused,
    and the sleeps of the code under test skipped. Everything is put back when the block ends.

    ``server`` is ``thread`` (this process's, the default), ``process``, or the URL of one that runs; see ``servers``.
    """
    if sleeps not in ("skip", "real"):
        raise ValueError(f"sleeps={sleeps!r:.80}: expected 'skip' or 'real'")
    kind = server or ("process" if files_are_faked() else "thread")
    with ExitStack() as stack:
        with real_files():  # for what is set up here
            with open_sockets():
                running = shared_server(kind)
            stack.enter_context(reachable(running.root))
            label = label_of(label or name or "sandbox")
            access = Access(running.root, name or sandbox_name(label))
            control = ControlPlane(running.root, access.api_key)
            stack.callback(control.close)
            wanted = {"seed": seed, "clock": clock, "advance_on_poll": advance_on_poll}
            if advance_on_poll is None:
                wanted["max_frozen_reads"] = MAX_READS
            opened = _open(running, access, control, scenario, set, {**wanted, "label": label})
            stack.callback(_close, control)
            box = Sandbox(running, access, opened, control)
            stack.callback(box.close)
            if running.control is None and seed is not None:
                box.notes.append(f"the seed is not {seed}: choosing one takes the server's token, MOCKTUNE_ADMIN_TOKEN")
            if advance_on_poll is None:
                box.interruption = stack.enter_context(interrupted_when_ignored(running, opened["id"], access.api_key))
            if env:
                stack.enter_context(environment(access, no_proxy=refuse_real_hosts))
            if refuse_real_hosts:
                box.refusals = stack.enter_context(refused_hosts())
            if sleeps == "skip":
                stack.enter_context(_skipped_sleeps(control))
        yield box
        if box.tells_of_frozen_clock and (told := box.account()["refused_because"]):
            raise NobodyAdvances(told)


def _open(
    server: Server, access: Access, control: ControlPlane, scenario: Scenario, set: Changes | None, rest: dict[str, Any]
) -> Mapping[str, Any]:
    body = {name: value for name, value in rest.items() if value is not None}
    if server.control is not None:
        body |= {"name": access.name, "scenario": scenario_value(scenario)}
        if set:
            body["set"] = dict(set) if isinstance(set, Mapping) else list(set)
        return server.control.post("sandboxes", body)  # type: ignore[no-any-return]  # JSON
    of_clock = ("clock", "advance_on_poll", "max_frozen_reads")
    control.put("clock", {name: body[name] for name in of_clock if name in body})
    control.put("scenario", scenario_body(scenario, set))
    control.patch("sandboxes/current", {"label": body["label"]})
    return control.get("sandboxes/current")  # type: ignore[no-any-return]  # JSON


def _close(control: ControlPlane) -> None:
    with suppress(ControlError):  # the server is gone, or the test closed it itself
        control.delete("sandboxes/current")


@contextmanager
def environment(access: Access, *, no_proxy: bool) -> Iterator[None]:
    inherited: MutableMapping[str, str] = os.environ
    values = variables(access, inherited)
    if no_proxy:
        values |= {name: f"{values[name]},{NO_PROXY}" for name in ("NO_PROXY", "no_proxy")}
    before = {name: inherited.get(name) for name in values}
    with adoption.module_client_renewed():
        try:
            _set(inherited, values)
            yield
        finally:
            _set(inherited, before)


def _set(environ: MutableMapping[str, str], values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            environ.pop(name, None)
        else:
            environ[name] = value


def _skipped_sleeps(control: ControlPlane) -> AbstractContextManager[Any]:
    from mocktune.testing.sleeps import skipped_sleeps

    return skipped_sleeps(ControlledTime(control), exempt=lambda thread: thread.name.startswith("mocktune"))


def _without_keep_alive(openai: Any) -> Any:
    client = openai.DefaultAsyncHttpxClient
    httpx = _http_library(client)
    return client(limits=httpx.Limits(max_connections=1000, max_keepalive_connections=0))


def _http_library(client: type) -> Any:
    """httpx or httpx2: what the installed SDK's client is made of."""
    names = (each.__module__.partition(".")[0] for each in client.__mro__)
    return next(sys.modules[name] for name in names if name in ("httpx", "httpx2"))


def _ended_otherwise(job: FineTuningJob, status: str) -> str:
    text = f"job {job.id} ended as {job.status}, not {status}"
    error = job.error
    if error is not None and (error.code or error.message):
        text += f": {error.code}: {error.message}"
    return text
