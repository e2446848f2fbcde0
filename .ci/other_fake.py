"""The contract suite pointed at a server of another make: fakellm, a fake of the chat route, in its own environment.

    python .ci/other_fake.py                   installs it, runs it on loopback, asks it everything, checks the report
    python .ci/other_fake.py --report DIR      and keeps the report there

Fails unless the run comes to its end in time, without an error inside the suite, and tells of every operation; what
fakellm keeps of the contract is its own affair.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parent.parent
PACKAGE = "fakellm==0.3.5"
AT_LEAST_MISSING = 40
"""Of the operations; fakellm plays the chat route alone."""

START_TIMEOUT_S, RUN_TIMEOUT_S = 30.0, 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, help="a folder for the report")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        report = (arguments.report or folder / "report").absolute()
        venv.create(folder / "venv", with_pip=True)
        bin_ = folder / "venv" / "bin"
        subprocess.run([bin_ / "python", "-m", "pip", "install", "-q", PACKAGE], check=True)
        port = free_port()
        subprocess.run([bin_ / "fakellm", "init"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with (folder / "fakellm.log").open("wb") as log:
            server = subprocess.Popen(
                [bin_ / "fakellm", "serve", "--host", "127.0.0.1", "--port", str(port)],
                cwd=folder, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
            try:
                wait_for(port, server)
                ask(f"http://127.0.0.1:{port}/v1", report)
            finally:
                server.terminate()
                server.wait(20)
        check(report)


def free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        port: int = any_port.getsockname()[1]
    return port


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    ends = time.perf_counter() + START_TIMEOUT_S
    while time.perf_counter() < ends and server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"{PACKAGE} did not start")


def ask(base_url: str, report: Path) -> None:
    command = [
        sys.executable, "-m", "mocktune_contract", "-q", "--tb=no", "-p", "no:cacheprovider", "--target", base_url,
        "--api-key", "any", "--contract-report", str(report),
    ]  # fmt: skip
    print(f"$ {' '.join(command[1:])}", flush=True)
    with tempfile.TemporaryDirectory() as nowhere:
        done = subprocess.run(command, cwd=nowhere, timeout=RUN_TIMEOUT_S, capture_output=True, text=True, check=False)
    print("\n".join(done.stdout.splitlines()[-1:]), flush=True)
    if done.returncode != 1:
        sys.exit(
            f"exit code {done.returncode} instead of 1 (tests failed):\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        )


def check(report: Path) -> None:
    document = json.loads((report / "contract.json").read_text("utf-8"))
    page = (report / "contract.md").read_text("utf-8")
    cases = list(ElementTree.parse(report / "contract.xml").iter("testcase"))
    operations = document["totals"]["operations"]
    problems = {
        "the run did not come to its end": not document["run"]["complete"],
        "an operation was not asked for": operations["not_asked"] > 0,
        f"fewer than {AT_LEAST_MISSING} operations are missing": operations["missing"] < AT_LEAST_MISSING,
        "chat is not found": {each["name"]: each["implemented"]["answer"] for each in document["operations"]}[
            "chat.completions.create"
        ]
        != "yes",
        "an operation is not on the page": any(
            f"| {each['name']} |" not in page for each in document["operations"] if not each["name"].startswith("azure")
        ),
        "a failure without a reason": any(
            not failure["reason"] for each in document["operations"] for failure in each["failures"]
        ),
        "an error inside the suite": any(case.find("error") is not None for case in cases),
        "tests are not counted": len(cases) < sum(document["totals"]["tests"].values()),
    }
    print("\n".join(page.splitlines()[:5]))
    if found := [problem for problem, there in problems.items() if there]:
        sys.exit("; ".join(found))


if __name__ == "__main__":
    main()
