"""A client's sleeps move the clock of its sandbox: every row of the table, order, and what stays as it was."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib.util
import pickle
import queue
import socket
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path
from time import sleep as sleep_by_name

import pytest
import sleep_play
from sleep_play import COVERED, FakeTime

from mocktune.testing import sleeps
from mocktune.testing.sleeps import exempt_this_thread, originals, skipped_sleeps

PAGE = Path(__file__).parents[3] / "docs/reference/sleeps.md"
REAL = [time.sleep, time.time]  # in a list, where nobody looks for names to bind anew


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


@pytest.fixture
def skipping(clock: FakeTime) -> Iterator[sleeps.Skipping]:
    with skipped_sleeps(clock, exempt=lambda thread: False) as session:
        yield session


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    began = originals.monotonic()
    yield
    assert originals.monotonic() - began < seconds


class TestWhatIsCovered:
    @pytest.mark.parametrize("row", COVERED)
    def test_each_row_moves_the_clock_exactly_and_takes_no_time(self, row: str, clock: FakeTime) -> None:
        play, seconds = COVERED[row]
        for library in ("tenacity", "backoff", "stamina", "uvloop", "anyio"):
            if library in row:
                pytest.importorskip(library)
        if "SDK" in row:
            import openai  # noqa: F401  # takes longer than everything else here
        with skipped_sleeps(clock, exempt=lambda thread: False) as session, within(5.0):
            play()
        assert clock.elapsed == pytest.approx(seconds, abs=2e-3)
        assert session.skipped_s == pytest.approx(seconds, abs=2e-3)
        assert session.count > 0

    def test_the_page_lists_what_is_tried_here(self) -> None:
        table = PAGE.read_text().split("## Covered")[1].split("## Not covered")[0]
        rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
        assert rows[1:] == list(COVERED)


class TestTheNextThingFirst:
    def test_threads_wake_in_the_order_of_their_targets(self, clock: FakeTime, skipping: sleeps.Skipping) -> None:
        woken = queue.SimpleQueue[tuple[str, float]]()

        def poll(name: str, seconds: float, times: int) -> None:
            for _ in range(times):
                time.sleep(seconds)
                woken.put((name, clock.elapsed))

        threads = [threading.Thread(target=poll, args=args) for args in (("slow", 25, 2), ("fast", 10, 4))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen = [woken.get() for _ in range(6)]
        assert seen == [("fast", 10), ("fast", 20), ("slow", 25), ("fast", 30), ("fast", 40), ("slow", 50)]

    def test_a_sleep_on_a_loop_and_one_in_a_thread_are_one_simulation(
        self, clock: FakeTime, skipping: sleeps.Skipping
    ) -> None:
        async def play() -> float:
            slow = asyncio.ensure_future(asyncio.to_thread(time.sleep, 50))
            for _ in range(3):
                await asyncio.sleep(10)
            at = clock.elapsed
            await slow
            return at

        assert asyncio.run(play()) == 30
        assert clock.elapsed == 50

    def test_an_event_that_a_working_thread_sets_is_seen_before_the_time_is_skipped(
        self, clock: FakeTime, skipping: sleeps.Skipping
    ) -> None:
        done = threading.Event()

        def work() -> None:
            for _ in range(30):
                sum(range(50_000))  # at work, and moving
            done.set()

        for _ in range(5):
            done.clear()
            thread = threading.Thread(target=work)
            thread.start()
            assert done.wait(3600)
            thread.join()
        assert clock.moves == []

    def test_an_event_that_follows_an_answer_from_the_network_is_seen_too(
        self, clock: FakeTime, skipping: sleeps.Skipping
    ) -> None:
        ours, theirs = socket.socketpair()
        done = threading.Event()

        def request() -> None:
            ours.makefile("rb").read(1)
            done.set()

        def answer() -> None:
            exempt_this_thread()
            time.sleep(0.7)  # really: longer than something unknown is waited for
            theirs.send(b"x")

        threads = [threading.Thread(target=request), threading.Thread(target=answer)]
        for thread in threads:
            thread.start()
        assert done.wait(3600)
        for thread in threads:
            thread.join()
        ours.close()
        theirs.close()
        assert clock.moves == []

    def test_a_deadline_around_a_request_in_flight_is_not_skipped_to(
        self, clock: FakeTime, skipping: sleeps.Skipping
    ) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            await asyncio.get_running_loop().run_in_executor(None, originals.sleep, 0.2)
            writer.write(b"done\n")
            await writer.drain()
            writer.close()

        async def play() -> bytes:
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"go\n")
            answer = await asyncio.wait_for(reader.readline(), 60)
            writer.close()
            server.close()
            return answer

        assert asyncio.run(play()) == b"done\n"
        assert clock.moves == []

    def test_nor_is_the_timeout_of_an_asynchronous_http_client(
        self, clock: FakeTime, skipping: sleeps.Skipping
    ) -> None:
        import httpx2

        listening = socket.create_server(("127.0.0.1", 0))

        def answer() -> None:
            exempt_this_thread()
            connection, _ = listening.accept()
            connection.recv(65536)
            time.sleep(0.7)  # really
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            connection.close()

        async def play() -> str:
            async with httpx2.AsyncClient(timeout=60) as client:
                response, _ = await asyncio.gather(
                    client.get(f"http://127.0.0.1:{listening.getsockname()[1]}"), asyncio.sleep(600)
                )
                return response.text

        thread = threading.Thread(target=answer)
        thread.start()
        assert asyncio.run(play()) == "ok"
        thread.join()
        listening.close()
        assert clock.moves == [600]

    def test_a_thread_that_is_stuck_holds_the_time_once_and_not_for_long(
        self, clock: FakeTime, skipping: sleeps.Skipping
    ) -> None:
        lock = threading.Lock()
        lock.acquire()
        stuck = threading.Thread(target=lock.acquire)
        stuck.start()
        with within(3.0):
            time.sleep(60)
        with within(0.3):
            for _ in range(10):
                time.sleep(60)
        lock.release()
        stuck.join()
        assert clock.elapsed == 660

    def test_workers_without_work_cost_nothing(self, clock: FakeTime, skipping: sleeps.Skipping) -> None:
        from concurrent.futures import ThreadPoolExecutor

        never = threading.Event()
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(str, range(30)))
            parked = threading.Thread(target=never.wait)
            parked.start()
            with within(0.4):
                for _ in range(50):
                    time.sleep(1)
            never.set()
            parked.join()
        assert clock.elapsed == 50

    def test_a_lone_sleep_asks_the_sandbox_once(self, clock: FakeTime, skipping: sleeps.Skipping) -> None:
        for _ in range(10):
            time.sleep(6)
        assert (clock.moves, clock.asked) == ([6] * 10, 0)

    def test_a_clock_without_the_shortcut_is_moved_to_an_instant(self) -> None:
        class Plain:
            instant = 5.0

            def now(self) -> float:
                return self.instant

            def advance_to(self, instant: float) -> float:
                self.instant = max(self.instant, instant)
                return self.instant

        plain = Plain()
        with skipped_sleeps(plain, exempt=lambda thread: False):
            time.sleep(60)
        assert plain.instant == 65

    def test_a_clock_that_is_ahead_already_is_not_moved_again(self, skipping: sleeps.Skipping, clock: FakeTime) -> None:
        begun, go = threading.Event(), threading.Event()

        def ahead() -> None:
            begun.set()
            go.wait()
            clock.instant += 3600  # what a test does with the sandbox's clock while the client sleeps

        thread = threading.Thread(target=ahead)
        thread.start()
        begun.wait()

        def open_up() -> None:
            originals.sleep(0.01)
            go.set()

        opening = threading.Thread(target=open_up)
        opening.start()
        time.sleep(60)
        thread.join()
        opening.join()
        assert clock.elapsed in (3600, 3660)
        assert skipping.skipped_s == 60


class TestSleepsAsTheyWere:
    def test_sleep_of_nothing_passes(self, clock: FakeTime, skipping: sleeps.Skipping) -> None:
        time.sleep(0)
        time.sleep(0.0)
        asyncio.run(asyncio.sleep(0))
        assert clock.moves == []

    @pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), 10**12, "1", None, 1j])
    def test_what_the_original_refuses_is_refused_in_its_words(
        self, wrong: object, clock: FakeTime, skipping: sleeps.Skipping
    ) -> None:
        with pytest.raises((ValueError, TypeError, OverflowError)) as theirs:
            REAL[0](wrong)  # type: ignore[arg-type]
        with pytest.raises(type(theirs.value)) as ours:
            time.sleep(wrong)  # type: ignore[arg-type]
        assert (str(ours.value), clock.moves) == (str(theirs.value), [])

    def test_numbers_of_every_kind_are_slept(self, clock: FakeTime, skipping: sleeps.Skipping) -> None:
        class Index:
            def __index__(self) -> int:
                return 3

        for seconds in (True, 2, 0.5, Index()):
            time.sleep(seconds)  # type: ignore[arg-type]
        assert clock.elapsed == 6.5

    def test_a_function_in_a_class_is_no_method_and_pickles_by_name(self, skipping: sleeps.Skipping) -> None:
        class Holder:
            sleep = time.sleep

        Holder().sleep(1)
        assert pickle.loads(pickle.dumps(time.sleep)) is time.sleep

    def test_everything_is_put_back(self, clock: FakeTime) -> None:
        def everything() -> list[object]:
            loop = asyncio.base_events.BaseEventLoop
            return [
                *(getattr(time, name) for name in dir(time)),
                sleep_by_name,
                sleep_play.sleep_by_name,
                sleep_play.poll_with_default.__defaults__,
                dict(vars(sleep_play.Poller)),
                threading._time,  # type: ignore[attr-defined]
                queue.time,  # type: ignore[attr-defined]
                threading.Condition.wait,
                threading.Thread.join,
                threading.Thread.start,
                *(getattr(loop, name) for name in ("time", "call_at", "call_later", "_run_once")),
                list(sys.meta_path),
            ]

        before = everything()
        with pytest.raises(KeyboardInterrupt), skipped_sleeps(clock, exempt=lambda thread: False):  # noqa: PT012
            assert time.sleep is not REAL[0]
            assert sleep_play.sleep_by_name is not REAL[0]
            sys.modules["imported_meanwhile"] = meanwhile = types.ModuleType("imported_meanwhile")
            exec("from time import sleep, monotonic", vars(meanwhile))
            raise KeyboardInterrupt
        del sys.modules["imported_meanwhile"]
        assert everything() == before
        assert vars(meanwhile)["sleep"] is REAL[0]

    def test_an_interrupt_ends_a_sleep_and_the_next_one_works(self) -> None:
        class Interrupted(FakeTime):
            def advance_to(self, instant: float) -> float:
                if not self.moves:
                    self.moves.append(0)
                    raise KeyboardInterrupt
                return super().advance_to(instant)

        clock = Interrupted()
        with skipped_sleeps(clock, exempt=lambda thread: False) as session:
            with pytest.raises(KeyboardInterrupt):
                time.sleep(5)
            time.sleep(7)
        assert (clock.elapsed, session.skipped_s) == (7, 7)

    def test_an_error_of_the_sandbox_is_raised_in_whoever_sleeps(self) -> None:
        class Gone(FakeTime):
            def advance_to(self, instant: float) -> float:
                raise ConnectionError("gone")

        with skipped_sleeps(Gone(), exempt=lambda thread: False):
            with pytest.raises(ConnectionError, match="gone"):
                time.sleep(5)
            with pytest.raises(ConnectionError, match="gone"):
                asyncio.run(asyncio.sleep(5))

    @pytest.mark.parametrize("first", ["thread", "loop"])
    def test_or_is_told_once_and_sleeps_are_real_from_then_on(self, first: str) -> None:
        class Gone(FakeTime):
            def advance_to(self, instant: float) -> float:
                raise ConnectionError("gone")

        told: list[str] = []
        with skipped_sleeps(Gone(), exempt=lambda thread: False, failed=lambda error: not told.append(str(error))):
            began = originals.monotonic()
            if first == "loop":
                asyncio.run(asyncio.sleep(0.02))
            time.sleep(0.02)
            time.sleep(0.02)
            asyncio.run(asyncio.sleep(0.02))
        assert originals.monotonic() - began >= 0.06
        assert told == ["gone"]

    def test_who_still_sleeps_at_the_end_goes_on_in_real_time(self, clock: FakeTime) -> None:
        busy, ended = threading.Event(), threading.Event()
        slept: list[float] = []

        def nap() -> None:
            began = originals.monotonic()
            time.sleep(0.3)
            slept.append(originals.monotonic() - began)

        def spin() -> None:
            busy.set()
            while not ended.is_set():
                sum(range(1000))

        spinning = threading.Thread(target=spin)
        napping = threading.Thread(target=nap)
        with skipped_sleeps(clock, exempt=lambda thread: False):
            spinning.start()
            busy.wait()
            napping.start()
            originals.sleep(0.05)
        ended.set()
        napping.join()
        spinning.join()
        assert clock.moves == []
        assert slept[0] >= 0.29


class TestWhoseTimeItIs:
    def test_threads_of_the_server_sleep_really_and_see_the_time_of_the_wall(
        self, clock: FakeTime, skipping: sleeps.Skipping
    ) -> None:
        time.sleep(3600)
        seen: list[float] = []

        def serve() -> None:
            time.sleep(0.001)
            asyncio.run(asyncio.sleep(0.001))
            threading.Event().wait(0.001)
            inner = threading.Thread(target=lambda: seen.append(time.time() - REAL[1]()))
            inner.start()
            inner.join()
            seen.append(time.time() - REAL[1]())

        thread = threading.Thread(target=serve, name="mocktune-server")
        thread.start()
        thread.join()
        assert clock.moves == [3600]
        assert [round(each) for each in seen] == [0, 0]
        assert round(time.time() - REAL[1]()) == 3600

    def test_a_thread_is_asked_for_by_name_or_says_so_itself(self, clock: FakeTime) -> None:
        with skipped_sleeps(clock, exempt=lambda thread: thread.name == "theirs"):

            def itself() -> None:
                exempt_this_thread()
                time.sleep(0.001)

            for thread in (
                threading.Thread(target=time.sleep, args=(0.001,), name="theirs"),
                threading.Thread(target=itself),
            ):
                thread.start()
                thread.join()
        assert clock.moves == []

    @pytest.mark.parametrize(
        "module", ["uvicorn.server", "subprocess", "_pytest.timing", "pytest_timeout", "tqdm._monitor"]
    )
    def test_modules_that_wait_for_the_world_outside_sleep_really(
        self, module: str, clock: FakeTime, skipping: sleeps.Skipping
    ) -> None:
        names: dict[str, object] = {"__name__": module}
        exec(
            "import time, asyncio, threading\n"
            "def tick():\n    time.sleep(0.001); threading.Event().wait(0.001)\n"
            "async def tick_later():\n    await asyncio.sleep(0.001)\n",
            names,
        )
        names["tick"]()  # type: ignore[operator]
        asyncio.run(names["tick_later"]())  # type: ignore[operator]
        assert clock.moves == []

    @pytest.mark.parametrize(
        "module", ["httpcore2._sync.http11", "urllib3", "logging", "pytest_timeout", "standardwebhooks"]
    )
    def test_modules_of_the_wall_keep_its_time(self, module: str, skipping: sleeps.Skipping) -> None:
        time.sleep(3600)
        names: dict[str, object] = {"__name__": module}
        exec("import time\ndef now(): return time.time(), time.monotonic()", names)
        wall, monotonic = names["now"]()  # type: ignore[operator]
        assert abs(wall - REAL[1]()) < 60
        assert abs(monotonic - originals.monotonic()) < 60

    def test_a_signature_of_the_sdk_is_checked_against_the_wall(self, skipping: sleeps.Skipping) -> None:
        import base64
        import hashlib
        import hmac

        import openai

        time.sleep(3600)
        secret, stamp, body = b"secret" * 5, str(int(REAL[1]())), '{"id":"evt_1","object":"event","type":"x"}'
        signed = base64.b64encode(hmac.digest(secret, f"wh_1.{stamp}.{body}".encode(), hashlib.sha256)).decode()
        headers = {"webhook-id": "wh_1", "webhook-timestamp": stamp, "webhook-signature": f"v1,{signed}"}
        client = openai.OpenAI(api_key="k", webhook_secret="whsec_" + base64.b64encode(secret).decode())
        client.webhooks.verify_signature(body, headers)

    def test_a_server_of_the_client_on_its_own_loop_does_not_make_the_clock_run(
        self, clock: FakeTime, skipping: sleeps.Skipping
    ) -> None:
        uvicorn = pytest.importorskip("uvicorn")

        async def app(scope: object, receive: object, send: object) -> None: ...

        server = uvicorn.Server(uvicorn.Config(app, port=0, loop="asyncio", lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            REAL[0](0.005)
        REAL[0](0.25)
        assert clock.moves == []
        with within(0.5):
            for _ in range(5):
                time.sleep(60)
        server.should_exit = True
        thread.join()
        assert clock.elapsed == 300


class TestNesting:
    def test_the_inner_sandbox_wins_and_the_clients_time_never_goes_back(self, clock: FakeTime) -> None:
        inner, seen = FakeTime(), [time.monotonic()]
        with skipped_sleeps(clock, exempt=lambda thread: False) as session:
            time.sleep(10)
            seen.append(time.monotonic())
            with skipped_sleeps(inner, exempt=lambda thread: False) as within_it:
                seen.append(time.monotonic())
                time.sleep(100)
                seen.append(time.monotonic())
            seen.append(time.monotonic())
            time.sleep(1)
            seen.append(time.monotonic())
        assert (clock.elapsed, inner.elapsed) == (11, 100)
        assert (session.skipped_s, within_it.skipped_s) == (11, 100)
        assert seen == sorted(seen)
        assert seen[-1] - seen[0] > 111

    def test_a_sandbox_inside_a_preloaded_process_wins_over_the_preloaded_one(self, clock: FakeTime) -> None:
        name, folder = "another_copy", Path(sleeps.__file__).parent
        spec = importlib.util.spec_from_file_location(
            name, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = other = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(other)
        outer = FakeTime()
        try:
            with other.skipped_sleeps(outer, exempt=lambda thread: False):
                with skipped_sleeps(clock, exempt=lambda thread: False):
                    time.sleep(10)
                    sleep_by_name(10)
                    sleep_play.held_elsewhere()
                    threading.Event().wait(10)
                    asyncio.run(asyncio.sleep(10))
                    sleep_play.queue_get()
                assert (clock.elapsed, outer.elapsed) == (220, 0)
                time.sleep(3)
                sleep_by_name(3)
                asyncio.run(asyncio.sleep(3))
            assert (clock.elapsed, outer.elapsed) == (220, 9)
        finally:
            for module in [each for each in sys.modules if each.startswith(name)]:
                del sys.modules[module]
        assert time.sleep is sleep_by_name is REAL[0]

    def test_a_loop_that_outlives_the_session_keeps_its_timers(self, clock: FakeTime) -> None:
        loop = asyncio.new_event_loop()
        try:
            with skipped_sleeps(clock, exempt=lambda thread: False):
                loop.run_until_complete(asyncio.sleep(3600))
                pending = loop.create_task(asyncio.sleep(0.05))
                loop.run_until_complete(asyncio.sleep(0))
            with within(2.0):
                loop.run_until_complete(pending)
            with skipped_sleeps(clock, exempt=lambda thread: False), within(2.0):
                loop.run_until_complete(asyncio.sleep(3600))
        finally:
            loop.close()
        assert clock.elapsed == 7200

    def test_a_sleep_that_began_outside_is_as_long_inside(self, clock: FakeTime) -> None:
        inner = FakeTime()

        async def play() -> None:
            with skipped_sleeps(clock, exempt=lambda thread: False):
                await asyncio.sleep(100)
                outer = asyncio.ensure_future(asyncio.sleep(60))
                await asyncio.sleep(0)
                with skipped_sleeps(inner, exempt=lambda thread: False):
                    await outer

        asyncio.run(play())
        assert (clock.elapsed, inner.elapsed) == (100, 60)


def test_no_thread_of_ours_is_left_behind(clock: FakeTime) -> None:
    with skipped_sleeps(clock, exempt=lambda thread: False):
        asyncio.run(asyncio.sleep(60))
        assert any(thread.name == "mocktune-sleeps" for thread in threading.enumerate())
    assert not any(thread.name == "mocktune-sleeps" for thread in threading.enumerate())
    gc.collect()


def test_an_entry_costs_little_after_the_first(clock: FakeTime) -> None:
    def entry() -> float:
        began = originals.perf_counter()
        with skipped_sleeps(clock, exempt=lambda thread: False):
            pass
        return originals.perf_counter() - began

    entry()
    assert min(entry() for _ in range(20)) < 0.005
