"""``mocktune tune`` under ``mocktune rehearse``: it is ready, and where nothing can be done it says why and what to do.

python .ci/rehearse_tune.py [--pack core] [--jobs 2]        --pack all has every shipped scenario
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
DATASET = PROJECT / "mock_server" / "mocktune" / "data" / "marv.jsonl"
TIMEOUT_S = 1800

UPLOAD_AGAIN = r"upload|Correct|run .*again|again"
HOPELESS = {
    "file-error": (r"invalid json", UPLOAD_AGAIN),
    "bad-line": (r"Example \d+ message contains an invalid token", UPLOAD_AGAIN),
    "bad-validation-line": (r"validation file.*missing key 'messages'", UPLOAD_AGAIN),
    "too-few-examples": (r"7 example\(s\), but must have at least 10", UPLOAD_AGAIN),
    "fails-early": (r"internal error", r"again"),
    "fails-midway": (r"internal error", r"again"),
    "fails-queued": (r"internal error", r"again"),
    "fails-final-validation": (r"internal error", r"again"),
    "quota-at-create": (r"exceeded your current quota", r"credit|budget"),
    "quota-exceeded": (r"exceed your hard limit", r"limit|budget|credit"),
    "daily-cap": (r"24 fine-tuning requests per day", r"tomorrow|UTC"),
    "cancelled-outside": (r"was cancelled", r"again|new job"),
    "training-wound-down": (r"no longer able to create", r"organization|service"),
    "moderation-file": (r"flagged by our moderation API", r"remove|Correct"),
    "moderation-lines": (r"Flagged lines: \d", r"remov|Correct"),
    "moderation-model": (r"did not pass our moderation checks", r"examples|data|again"),
    "model-gone": (r"does not exist", r"again|check|longer|deleted"),
}
"""By scenario: what stderr has to tell, the cause and the remedy. All others succeed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", default="core", help="core, chaos or all")
    parser.add_argument("--jobs", type=int, default=2, help="scenarios side by side")
    arguments = parser.parse_args()
    mocktune = str(Path(sys.executable).parent / "mocktune")
    with tempfile.TemporaryDirectory() as folder:
        card = Path(folder, "card.json")
        done = subprocess.run(
            [
                *(mocktune, "rehearse", "--pack", arguments.pack, "--jobs", str(arguments.jobs), "--json", str(card)),
                *("--", mocktune, "tune", str(DATASET), "--valid", str(DATASET)),
                *("--model", "gpt-4o-mini-2024-07-18", "--suffix", "marv"),
            ],
            cwd=folder,
            env=os.environ | {"NO_COLOR": "1", "MOCKTUNE_STATE_DIR": folder},
            timeout=TIMEOUT_S,
            check=False,
        )
        if not card.exists():
            sys.exit(f"no report card, exit code {done.returncode}")
        found = json.loads(card.read_text("utf-8"))
    wrong = [told for run in found["scenarios"] if (told := wrong_in(run))]
    if not found["ready"] or done.returncode:
        wrong.insert(0, f"the client is not ready (exit code {done.returncode})")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"ready under {len(found['scenarios'])} scenarios; the hopeless ones name cause and remedy")


def wrong_in(run: dict[str, Any]) -> str | None:
    """What is wrong with one run, beyond what the rehearsal found."""
    name, said = run["name"], " ".join(run["stderr"])
    if name not in HOPELESS:
        return None if run["exit_code"] == 0 else f"{name}: exit code {run['exit_code']}: {said}"
    if run["exit_code"] != 1:
        return f"{name}: exit code {run['exit_code']} where nothing can be done"
    missing = [f"no {what}" for what, form in zip(("cause", "remedy"), HOPELESS[name], strict=True)
               if re.search(form, said) is None]  # fmt: skip
    if "Traceback" in said:
        missing.append("a traceback")
    return f"{name}: {', '.join(missing)}: {said}" if missing else None


if __name__ == "__main__":
    main()
