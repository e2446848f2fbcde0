"""The clients of contract_tests/rehearsed under `mocktune rehearse`: what was planted is found, and nothing else.

    python .ci/rehearsals.py [NAME...] [--jobs N]      such as: python .ci/rehearsals.py one_page fetch

The bad ones were written before the verdict's rules were read by who wrote them. Needs node and curl.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
CLIENTS = PROJECT / "contract_tests" / "rehearsed"
DATASET = PROJECT / "mock_server" / "mocktune" / "data" / "marv.jsonl"

PLANTED = {
    "bad/unread_file.py": "MT14",  # creates the job without looking at the file
    "bad/only_running.mjs": "MT02",  # polls only while the job is running
    "bad/one_page.py": "MT03",  # takes the first page of events for all of them
    "bad/created_twice.py": "MT04",  # lets the SDK send a create again whose answer was lost
    "bad/at_once.sh": "MT08",  # gives a new model no time
    "good/sdk.py": None,
    "good/fetch.mjs": None,
    "good/curl.sh": None,
}
RUN_BY = {".py": sys.executable, ".mjs": "node", ".sh": "sh"}
TIMEOUT_S = 900


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=", ".join(Path(each).stem for each in PLANTED))
    parser.add_argument("--jobs", type=int, default=2, help="scenarios side by side")
    arguments = parser.parse_args()
    chosen = [each for each in PLANTED if not arguments.names or Path(each).stem in arguments.names]
    wrong = [each for each in chosen if not as_planted(each, arguments.jobs)]
    if wrong or not chosen:
        sys.exit(f"not as planted: {', '.join(wrong) or 'no such client'}")


def as_planted(client: str, jobs: int) -> bool:
    """Whether the report card of a client names what was planted in it, and nothing else."""
    path, planted = CLIENTS / client, PLANTED[client]
    with tempfile.TemporaryDirectory() as folder:
        card = Path(folder, "card.json")
        mocktune = Path(sys.executable).parent / "mocktune"
        command = [mocktune, "rehearse", "--pack", "core", "--jobs", str(jobs), "--json", card, "--"]
        done = subprocess.run(
            [*command, RUN_BY[path.suffix], path, DATASET], cwd=folder, env=os.environ | {"NO_COLOR": "1"},
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        if not card.exists():
            print(f"{client}: exit code {done.returncode}, no report card\n{done.stderr}")
            return False
        found = json.loads(card.read_text("utf-8"))
    faults = [fault["code"] for fault in found["faults"]]
    right = faults == ([planted] if planted else []) and found["ready"] is (planted is None)
    right = right and done.returncode == (0 if planted is None else 1)
    shown = ", ".join(f"{fault['code']} {fault['title']}" for fault in found["faults"]) or "ready"
    print(f"{'as planted' if right else 'WRONG'}: {client}: {shown}", flush=True)
    if not right:
        print(done.stdout, done.stderr, sep="\n")
    return right


if __name__ == "__main__":
    main()
