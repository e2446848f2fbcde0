"""Child processes skip their sleeps by a hook that is loaded before them, against a real server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mocktune import make_settings, running_server
from mocktune.server import RunningServer
from mocktune.testing.control import ControlPlane
from mocktune.testing.sleeps import originals, preload
from mocktune.testing.sleeps.preloading import NODE_HOOK, PYTHON_HOOK

KEY = "sk-mt-preloaded"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(make_settings("realistic", clock="frozen")) as running:
        yield running


class Child:
    """Runs programs with the hook, and tells how far each moved the sandbox's clock."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.control = ControlPlane(root, KEY)
        self.elapsed = 0.0
        self.took = 0.0

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        inherited = {**os.environ, **variables}
        before, began = self._at(), originals.monotonic()
        done = subprocess.run(
            command,
            env={**inherited, **preload(self.root, KEY, inherited)},
            capture_output=True,
            text=True,
            timeout=30,
        )
        self.took = originals.monotonic() - began
        self.elapsed = round(self._at() - before, 3)
        return done

    def python(self, code: str, *flags: str, **variables: str) -> str:
        done = self.run(sys.executable, *flags, "-c", code, **variables)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.strip()

    def node(self, code: str, *flags: str) -> str:
        assert NODE is not None
        done = self.run(NODE, *flags, "-e", code)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.strip()

    def _at(self) -> float:
        return float(self.control.get("clock")["elapsed"])


@pytest.fixture
def child(server: RunningServer) -> Iterator[Child]:
    it = Child(server.root)
    yield it
    it.control.close()


class TestPython:
    def test_sleeps_and_deadlines_of_a_script_and_of_its_children(self, child: Child) -> None:
        code = """
import asyncio, multiprocessing, os, subprocess, sys, threading, time
from time import sleep
class Poller:
    rest = time.sleep
async def later():
    await asyncio.gather(asyncio.sleep(50), asyncio.sleep(60))
def job():
    sleep(10)
began = time.time()
sleep(100); Poller().rest(20); threading.Event().wait(20)
asyncio.run(later())
context = multiprocessing.get_context("fork")
process = context.Process(target=job); process.start(); process.join()
subprocess.run([sys.executable, "-c", "import time; time.sleep(1000)"], check=True)
print(round(time.time() - began) // 10)
"""
        assert child.python(code) == "20"
        assert child.elapsed == 1210
        assert child.took < 15

    def test_the_sitecustomize_that_it_hides_runs_after_it(self, child: Child, tmp_path: Path) -> None:
        (tmp_path / "sitecustomize.py").write_text("import time; time.sleep(7); print('theirs', __file__)")
        said = child.python("import sitecustomize, time; time.sleep(1)", PYTHONPATH=str(tmp_path))
        assert said == f"theirs {tmp_path / 'sitecustomize.py'}"
        assert child.elapsed == 8

    def test_a_server_that_does_not_answer_is_said_once_and_sleeps_are_real(self, child: Child) -> None:
        with running_server(make_settings("realistic")) as gone:
            root = gone.root
        environment = {**os.environ, **preload(root, KEY, os.environ)}
        code = "import time; b = time.time(); time.sleep(.1); time.sleep(.1); print(time.time() - b >= .2)"
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout) == (0, "True\n")
        assert done.stderr.count("\n") == 1
        assert f"mocktune: the clock at {root} does not answer" in done.stderr

    def test_an_isolated_interpreter_sleeps_really(self, child: Child) -> None:
        assert child.python("import time; b = time.monotonic(); time.sleep(.05); print(time.time is time.time)", "-I")
        assert child.elapsed == 0


@needs_node
class TestNode:
    def test_timers_promises_intervals_and_clocks_move_together(self, child: Child) -> None:
        code = """
import { setTimeout as rest, scheduler } from 'node:timers/promises';
import { setTimeout as named } from 'node:timers';
import { promisify } from 'node:util';
const began = [Date.now(), new Date().getTime(), performance.now(), Number(process.hrtime.bigint() / 1000000n)];
await new Promise((done) => setTimeout(done, 60_000));
await new Promise((done) => named(done, 60_000));
await Promise.all([rest(30_000), rest(30_000), rest(20_000)]);
await promisify(setTimeout)(30_000);
await scheduler.wait(10_000);
let ticks = 0;
await new Promise((done) => {
  const ticking = setInterval(() => { if (++ticks === 3) { clearInterval(ticking); done(); } }, 10_000);
});
const ended = [Date.now(), new Date().getTime(), performance.now(), Number(process.hrtime.bigint() / 1000000n)];
console.log(ended.map((at, i) => Math.round((at - began[i]) / 10_000)).join());
"""
        assert child.node(code, "--input-type=module") == "22,22,22,22"
        assert child.elapsed == 220

    def test_the_next_timer_fires_first_and_a_cleared_one_never(self, child: Child) -> None:
        code = """
const order = [];
setTimeout(() => order.push('c'), 3000);
setTimeout(() => order.push('a'), 1000);
setTimeout(() => { order.push('b'); setTimeout(() => order.push('b+'), 500); }, 2000);
clearTimeout(setTimeout(() => order.push('never'), 1500));
setTimeout(() => order.push('unref'), 2600).unref();
setTimeout(() => order.push('too late'), 90_000).unref();
process.on('exit', () => console.log(order.join()));
"""
        assert child.node(code) == "a,b,b+,unref,c"
        assert child.elapsed == 3

    def test_a_deadline_around_a_request_is_not_skipped_to(self, child: Child) -> None:
        code = """
const http = require('http');
const server = http.createServer((_, answer) => {
  const until = process.hrtime.bigint() + 300_000_000n; // no timer: somebody else at work
  const spin = () => (process.hrtime.bigint() < until ? setImmediate(spin) : answer.end('ok'));
  spin();
});
server.listen(0, '127.0.0.1', async () => {
  const stop = new AbortController();
  const deadline = setTimeout(() => stop.abort(), 60_000);
  const answer = await fetch(`http://127.0.0.1:${server.address().port}`, { signal: stop.signal });
  console.log(await answer.text());
  clearTimeout(deadline);
  await new Promise((done) => setTimeout(done, 5000));
  process.exit();
});
"""
        assert child.node(code) == "ok"
        assert child.elapsed == 5

    def test_an_aborted_sleep_ends_as_nodes_own_does(self, child: Child) -> None:
        code = """
const { setTimeout: rest } = require('timers/promises');
const stop = new AbortController();
setTimeout(() => stop.abort(), 10_000);
rest(60_000, 'x', { signal: stop.signal }).catch((error) => console.log(error.name, error.code));
"""
        assert child.node(code) == "AbortError ABORT_ERR"
        assert child.elapsed == 10

    def test_a_server_that_does_not_answer_is_said_once_and_sleeps_are_real(self) -> None:
        assert NODE is not None
        with running_server(make_settings("realistic")) as gone:
            root = gone.root
        code = "setTimeout(() => setTimeout(() => console.log('done'), 50), 50)"
        environment = {**os.environ, **preload(root, KEY, os.environ)}
        done = subprocess.run([NODE, "-e", code], env=environment, capture_output=True, text=True, timeout=30)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "done\n", 1)
        assert f"mocktune: the clock at {root} does not answer" in done.stderr

    def test_a_path_with_spaces_and_what_was_inherited_are_kept(self, child: Child, tmp_path: Path) -> None:
        theirs = tmp_path / "their hook.cjs"
        theirs.write_text("console.log('theirs')")
        inherited = f'--require "{theirs}"'
        environment = preload(child.root, KEY, {"NODE_OPTIONS": inherited, "PYTHONPATH": "a"})
        assert environment["NODE_OPTIONS"] == f'{inherited} --require "{NODE_HOOK}"'
        assert environment["PYTHONPATH"] == os.pathsep.join([PYTHON_HOOK, "a"])
        assert preload(child.root, KEY, environment) == environment
        spaced = tmp_path / "with space" / "sleeps.cjs"
        spaced.parent.mkdir()
        shutil.copy(NODE_HOOK, spaced)
        assert NODE is not None
        done = subprocess.run(
            [NODE, "-e", "setTimeout(() => console.log('fired'), 86_400_000)"],
            env={**os.environ, **environment, "NODE_OPTIONS": f'{inherited} --require "{spaced}"'},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.stdout == "theirs\nfired\n"
