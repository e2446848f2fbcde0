"""The official Python SDK's own tests, from its source distribution, against ``mocktune serve --stateless --loose``.

    python .ci/sdk_suite.py                     the pinned versions, as .ci/run does
    python .ci/sdk_suite.py --raise             look up newer releases, run them, and print the pins that would be
    python .ci/sdk_suite.py --only 3.54.0 -k jobs

The tests are generated from the API's description: every method, with every parameter, parsed strictly. They name ids
of their own choosing, which ``fixtures/states/sdk-suite.json`` holds. Fails unless every test passes; a test may only
be skipped for a reason that stands in the suite itself.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path
from xml.etree import ElementTree

PINS = {"3.54.0": 1013, "2.54.0": 778}
"""The versions that are run, and how many tests of them there are: fewer would mean that some were not found."""

SUITES = (
    "tests/api_resources/fine_tuning",
    "tests/api_resources/test_files.py",
    "tests/api_resources/test_uploads.py",
    "tests/api_resources/uploads",
    "tests/api_resources/test_models.py",
    "tests/api_resources/chat",
    "tests/api_resources/test_webhooks.py",
    "tests/api_resources/webhooks",
    "tests/lib/test_webhooks.py",
)
NEEDED = (
    "pytest>=9", "pytest-asyncio>=1.4", "pytest-xdist>=3.6", "rich", "inline-snapshot", "dirty-equals", "respx",
    "time-machine", "nest_asyncio", "trio", "jsonschema", "importlib-metadata",
)  # fmt: skip

PROJECT = Path(__file__).resolve().parent.parent
STATE = PROJECT / "fixtures" / "states" / "sdk-suite.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="one version instead of the pinned ones")
    parser.add_argument(
        "--raise", dest="raising", action="store_true", help="the newest releases of each major version"
    )
    parser.add_argument("-k", default="", help="tests whose names match")
    parser.add_argument("--keep", type=Path, help="a folder to keep sources and environments in")
    arguments = parser.parse_args()
    versions = [arguments.only] if arguments.only else newest_releases() if arguments.raising else list(PINS)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        counts = {version: run_suite(version, folder, arguments.k) for version in versions}
    if arguments.raising:
        print(f"PINS = {json.dumps(counts)}")
    failed = [version for version, count in counts.items() if not arguments.k and count < PINS.get(version, 1)]
    if failed:
        sys.exit(f"fewer tests than there were: {failed}")


def newest_releases() -> list[str]:
    """The newest release of each major version that is pinned."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "index", "versions", "openai"], capture_output=True, text=True, check=True
    ).stdout
    versions = re.findall(r"\d+\.\d+\.\d+", listed.partition("Available versions:")[2])
    majors = sorted({pin.partition(".")[0] for pin in PINS}, reverse=True)
    return [next(version for version in versions if version.startswith(f"{major}.")) for major in majors]


def run_suite(version: str, folder: Path, matching: str) -> int:
    """How many tests passed. Exits when one failed or was skipped that should not be."""
    source = sources(version, folder)
    python = environment(version, folder)
    suites = [suite for suite in SUITES if (source / suite).exists()]
    report = source / "report.xml"
    with Server() as base_url:
        command = [
            str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", f"--junitxml={report}", *suites,
        ]  # fmt: skip
        if matching:
            command += ["-k", matching]
        print(f"$ TEST_API_BASE_URL={base_url} {' '.join(command[1:])}", flush=True)
        done = subprocess.run(command, cwd=source, env={**os.environ, "TEST_API_BASE_URL": base_url}, check=False)
    if done.returncode != 0:
        sys.exit(f"openai {version}: its own tests failed against mocktune")
    cases = list(ElementTree.parse(report).iter("testcase"))
    skipped = [found.get("message", "") for case in cases if (found := case.find("skipped")) is not None]
    text = "".join(path.read_text("utf-8") for path in (source / "tests").rglob("*.py"))
    if foreign := [reason for reason in skipped if reason not in text]:
        sys.exit(f"openai {version}: tests were skipped for reasons that the suite itself does not give: {foreign}")
    print(f"openai {version}: {len(cases) - len(skipped)} passed, {len(skipped)} skipped by the suite itself")
    return len(cases) - len(skipped)


def sources(version: str, folder: Path) -> Path:
    target = folder / f"openai-{version}"
    if not target.exists():
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "openai", "-d", str(folder)]
        subprocess.run([*pip, f"openai=={version}"], check=True)
        with tarfile.open(folder / f"openai-{version}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return target


def environment(version: str, folder: Path) -> Path:
    target = folder / f"venv-{version}"
    python = target / "bin" / "python"
    if not python.exists():
        venv.create(target, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", f"openai[aiohttp]=={version}", *NEEDED], check=True)
    return python


class Server:
    """``mocktune serve`` for as long as the block lasts; gives the base URL of its ready line."""

    def __enter__(self) -> str:
        command = [
            sys.executable, "-m", "mocktune", "serve", "--port", "0", "--stateless", "--loose",
            "--state-file", str(STATE),
        ]  # fmt: skip
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit("the server did not start")
        base_url: str = json.loads(line)["base_url"]
        return base_url

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)


if __name__ == "__main__":
    main()
