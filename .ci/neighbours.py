"""The built wheel in an empty project, and beside the plugins that test suites commonly have.

Builds the wheel of this checkout, makes a virtual environment in a temporary folder, installs the wheel and pytest and
nothing else, and runs the ten lines of ``neighbours/test_ten_lines.py`` in an empty folder. Then the neighbours are
installed, and each project of ``CASES`` runs in a folder of its own with the options of its row. A row of
``docs/reference/neighbours.md`` says what each of them shows.

    python .ci/neighbours.py                       # everything once
    python .ci/neighbours.py -k freezegun          # some rows
    python .ci/neighbours.py --openai 2.0.0        # with another SDK
    python .ci/neighbours.py --repeats 10          # the soak: rows of MAIN and 200 lives in random order, ten times
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
PROJECTS = HERE / "neighbours"
PAGE = PROJECT / "docs" / "reference" / "neighbours.md"

INSTALLED = (
    "pytest-socket", "freezegun", "pytest-freezer", "time-machine", "pyfakefs", "httpx", "respx", "pytest-httpx2",
    "pytest-asyncio", "anyio", "pytest-randomly", "pytest-xdist", "pytest-timeout", "pytest-mock", "pytest-cov",
)  # fmt: skip
"""All in one environment, so that each of the projects also runs with all the others loaded."""

PATIENCE_S = 300
RANDOM = ("-p", "randomly")
IN_ORDER = ("-p", "no:randomly")


@dataclass(frozen=True, slots=True)
class Case:
    """One run of pytest. ``skips`` tests may be skipped; ``says`` is what a run that has to fail must say."""

    neighbour: str
    name: str
    files: tuple[str, ...]
    options: tuple[str, ...] = ()
    skips: int = 0
    says: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.neighbour}: {self.name}"


def _case(neighbour: str, name: str, file: str, *options: str, skips: int = 0, says: str = "", **names: str) -> Case:
    return Case(neighbour, name, tuple(file.split()), options, skips, says, names)


ALL = (
    "test_asyncio.py test_anyio.py test_freezegun.py test_time_machine.py test_pyfakefs.py test_pyfakefs_gone.py "
    "test_respx.py test_mock.py test_unittest.py test_timeout.py test_socket.py"
)
SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")
"""pytest-asyncio warns of a future default where it is not set."""

TOGETHER = ("--timeout=120", "--asyncio-mode=strict", "--disable-socket", "--allow-unix-socket", "-W", "error", *SCOPE)

CASES = (
    _case("pytest", "-p no:cacheprovider", "test_unittest.py", "-p", "no:cacheprovider", *IN_ORDER),
    _case("pytest", "-W error", "test_unittest.py test_many.py", "-W", "error", *SCOPE, NEIGHBOURS_COUNT="5"),
    _case("pytest-socket", "--disable-socket", "test_socket.py", "--disable-socket", skips=1),
    _case("pytest-socket", "--disable-socket --allow-unix-socket", "test_socket.py", "--disable-socket",
          "--allow-unix-socket"),
    _case("pytest-socket", "--allow-hosts=127.0.0.1", "test_socket.py", "--allow-hosts=127.0.0.1"),
    _case(
        "pytest-socket", "both", "test_socket.py", "--disable-socket", "--allow-hosts=127.0.0.1", "--allow-unix-socket",
    ),
    _case("freezegun", "decorator, block, fixture, marker", "test_freezegun.py"),
    _case("time-machine", "decorator, block, fixture", "test_time_machine.py"),
    _case("pyfakefs", "before and after the fixture", "test_pyfakefs.py", *IN_ORDER),
    _case("pyfakefs", "and without it, in one process", "test_pyfakefs.py test_pyfakefs_gone.py test_many.py",
          NEIGHBOURS_COUNT="5"),
    _case("respx", "httpx and httpx2 mocked", "test_respx.py"),
    _case("pytest-asyncio", "strict", "test_asyncio.py", "--asyncio-mode=strict"),
    _case("anyio", "its plugin", "test_anyio.py"),
    _case("pytest-timeout", "signal", "test_timeout.py", "--timeout=10", "--timeout-method=signal"),
    _case("pytest-timeout", "thread", "test_timeout.py", "--timeout=10", "--timeout-method=thread"),
    _case("pytest-timeout", "a lock, signal", "hang.py::test_hangs_on_a_lock", "--timeout=2",
          "--timeout-method=signal", says=r"Timeout \(>2\.0s\)"),
    _case("pytest-timeout", "a lock, thread", "hang.py::test_hangs_on_a_lock", "--timeout=2",
          "--timeout-method=thread", says=r"\+ Timeout \+"),
    _case("pytest-timeout", "a loop, thread", "hang.py::test_hangs_in_a_loop", "--timeout=2",
          "--timeout-method=thread", says=r"\+ Timeout \+"),
    _case("pytest-mock", "and monkeypatch, capfd, caplog", "test_mock.py"),
    _case("unittest", "TestCase and IsolatedAsyncioTestCase", "test_unittest.py"),
    _case("pytest-randomly", "random order", "test_many.py test_unittest.py test_mock.py", *RANDOM),
    _case("pytest-xdist", "-n 2", "test_many.py", "-n", "2"),
    _case("pytest-xdist", "-n 2 --dist loadscope", "test_many.py", "-n", "2", "--dist", "loadscope"),
    _case("pytest-cov", "--cov, with branches", "test_many.py", "--cov", "--cov-branch", "-n", "2",
          NEIGHBOURS_COUNT="10"),
    _case("all together", "one process", ALL, *TOGETHER),
    _case("all together", "-n 2", ALL, "-n", "2", *TOGETHER),
)  # fmt: skip

MAIN = ("pytest-socket", "freezegun", "time-machine", "pyfakefs", "respx", "pytest-asyncio", "all together")
"""Whose rows the soak repeats."""

MANY = _case("soak", "200 lives, -n 2, random order", "test_many.py", "-n", "2", *RANDOM, NEIGHBOURS_COUNT="195")


@dataclass(frozen=True, slots=True)
class Ended:
    case: Case
    seconds: float
    output: str
    complaint: str = ""


def main() -> None:
    given = arguments()
    known_to_the_page()
    with folder_for(given.keep) as folder:
        python = environment(folder)
        wheel = built_wheel(folder)
        install(python, "--force-reinstall", "--no-deps", str(wheel))
        sdk = [f"openai=={given.openai}"] if given.openai else []
        install(python, str(wheel), "pytest", *sdk)
        failed = []
        if not given.k:
            failed += told(run(Case("an empty project", "ten lines", ("test_ten_lines.py",)), python, folder))
        install(python, *INSTALLED, *sdk)
        print(versions(python), flush=True)
        chosen = [case for case in CASES if given.k in case.title]
        if given.repeats:
            failed += soak(given.repeats, python, folder, given.jobs)
        else:
            failed += in_turn(chosen, python, folder, given.jobs)
    if failed:
        sys.exit("failed: " + "; ".join(ended.case.title for ended in failed))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("-k", default="", metavar="WORD", help="only rows whose title contains it")
    parser.add_argument("--openai", default="", metavar="VERSION", help="the SDK's version, instead of the newest")
    parser.add_argument("--repeats", type=int, default=0, help="the soak, so many times, instead of each row once")
    parser.add_argument("--jobs", type=int, default=2, help="rows run side by side (2)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="use this folder again, and leave it")
    return parser.parse_args()


# -- what is installed ---------------------------------------------------------------------------------------------


@contextmanager
def folder_for(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="neighbours-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def environment(folder: Path) -> Path:
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(folder / "venv", with_pip=True)
    return python


def built_wheel(folder: Path) -> Path:
    target = folder / "wheel"
    shutil.rmtree(target, ignore_errors=True)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(PROJECT)]
    if importlib.util.find_spec("hatchling") is None or importlib.util.find_spec("build") is None:
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(target), str(PROJECT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"no wheel:\n{done.stdout}{done.stderr}")
    (wheel,) = target.glob("*.whl")
    print(f"built {wheel.name}", flush=True)
    return wheel


def install(python: Path, *what: str) -> None:
    command = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"not installed: {what}\n{done.stdout}{done.stderr}")


def versions(python: Path) -> str:
    wanted = ["mocktune", "pytest", "openai", *INSTALLED]
    ask = f"from importlib.metadata import version\nfor name in {wanted}: print(name, version(name), end='; ')"
    return subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.rstrip("; ")


# -- runs ----------------------------------------------------------------------------------------------------------


def in_turn(cases: Sequence[Case], python: Path, folder: Path, jobs: int) -> list[Ended]:
    """Those that failed."""
    failed: list[Ended] = []
    with ThreadPoolExecutor(jobs) as pool:
        for ended in pool.map(lambda case: run(case, python, folder), cases):
            failed += told(ended)
    return failed


def soak(repeats: int, python: Path, folder: Path, jobs: int) -> list[Ended]:
    """Those that failed, of all rounds; ends after the last round, not at the first failure."""
    failed: list[Ended] = []
    main = [case for case in CASES if case.neighbour in MAIN]
    for number in range(1, repeats + 1):
        began = time.perf_counter()
        found = in_turn(main, python, folder, jobs) + told(run(MANY, python, folder))
        failed += found
        seconds = time.perf_counter() - began
        print(f"round {number} of {repeats}: {len(found)} failed, {seconds:.0f} s", flush=True)
    return failed


def run(case: Case, python: Path, folder: Path) -> Ended:
    """In a folder that holds nothing but the case's files and the client."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="project-", ignore_cleanup_errors=True) as empty:
        for name in {each.partition("::")[0] for each in case.files}:
            shutil.copy(PROJECTS / name, empty)
        if case.neighbour != "an empty project":
            shutil.copy(PROJECTS / "train.py", empty)
        command = [str(python), "-m", "pytest", "-q", "--color=no", "-ra", *case.files, *case.options]
        began = time.perf_counter()
        try:
            done = subprocess.run(
                command,
                cwd=empty,
                env={**clean_environment(), **case.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            said = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else str(error.stdout)
            return Ended(case, PATIENCE_S, said, f"not finished after {PATIENCE_S} s")
    return Ended(case, time.perf_counter() - began, done.stdout, complaint(case, done.returncode, done.stdout))


def clean_environment() -> dict[str, str]:
    foreign = ("PYTHON", "PYTEST", "MOCKTUNE", "OPENAI", "AZURE_OPENAI", "VIRTUAL_ENV", "COV")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def complaint(case: Case, code: int, output: str) -> str:
    """What is wrong with a run that ended, or nothing."""
    if case.says:
        if code == 0:
            return "passed, and should not have"
        return "" if re.search(case.says, output) else f"ended with {code} without saying {case.says!r}"
    if code != 0:
        return f"ended with {code}"
    passed, skipped = (int(found[1]) if (found := re.search(rf"(\d+) {word}", output)) else 0 for word in WORDS)
    if not passed:
        return "no test passed"
    return f"{skipped} skipped instead of {case.skips}" if skipped != case.skips else ""


WORDS = ("passed", "skipped")


def told(ended: Ended) -> list[Ended]:
    """Prints a line, and what a failed run said; that run in a list, or nothing."""
    last = next((line for line in reversed(ended.output.splitlines()) if re.search(r"\d+ \w+.* in [\d.]+", line)), "")
    state = "FAILED" if ended.complaint else "ok"
    print(f"{state:6} {ended.case.title:60} {ended.seconds:5.1f} s  {last.strip('= ')}", flush=True)
    if not ended.complaint:
        return []
    print(f"       {ended.complaint}; it said:\n{ended.output[-12000:]}", flush=True)
    return [ended]


# -- the page ------------------------------------------------------------------------------------------------------


def known_to_the_page() -> None:
    """Ends when the page does not name exactly the neighbours that are checked here."""
    rows = re.findall(r"^\| `?([^|`]+?)`? \|", PAGE.read_text("utf-8"), re.MULTILINE)
    named = {row for row in rows if row != "neighbour" and not set(row) <= set("-: ")}
    checked = {case.neighbour for case in CASES}
    if named != checked:
        sys.exit(f"{PAGE.name} names {sorted(named - checked)}, and not {sorted(checked - named)}")


if __name__ == "__main__":
    main()
