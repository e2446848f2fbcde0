"""Schemathesis over our own description of the API: every operation, every check of an answer, no failure.

Run with mocktune's environment; Schemathesis gets one of its own, since its plugin for pytest would load into every
test run::

    python .ci/schema_fuzz.py [--tools DIRECTORY] [--examples 10] [--only REGEX]

``--tools`` keeps that environment between runs. The description is first held to the OpenAPI 3.1 schema. Then two
servers are fuzzed at once, one with the operations of the API and one with those of the control plane, each with
``schema_fuzz_hooks.py``. Inputs are drawn without chance: a failure comes again. Exit code 1 when anything was found.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mocktune import make_settings, running_server
from mocktune.clock import stopwatch_ns

HERE = Path(__file__).parent
ADMIN_TOKEN = "mt-admin-of-the-fuzz"
TOOLS = ("schemathesis==4.32.5", "openapi-spec-validator==0.9.0")
MAX_S = 240.0

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "missing_required_header", "unsupported_method",
    "allow_header_conformance", "ignored_auth",
)  # fmt: skip
LEFT_OUT = {
    "positive_data_acceptance": "a body that fits its schema may still name a file that does not exist, or pause a job "
    "that is over: much of what a service refuses is in no schema",
    "use_after_free": "follows links between operations; each has a sandbox of its own here. "
    "mock_server/tests/test_state_machine.py uses what was deleted",
    "ensure_resource_availability": "as use_after_free",
    "object_level_authorization": "wants two identities; mock_server/tests/http/test_isolation.py has two hundred",
}
"""Checks of Schemathesis that are not made, and why."""

PARTS = {"the API": r"^/(v1|openai|subscriptions)/", "the control plane": "^/_mocktune/"}

VALIDATE = """
import json, sys
from openapi_spec_validator import OpenAPIV31SpecValidator
problems = list(OpenAPIV31SpecValidator(json.load(sys.stdin)).iter_errors())
print(*(str(each)[:500] for each in problems), sep="\\n")
sys.exit(bool(problems))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tools", type=Path, help="where the environment with Schemathesis is, or is to be")
    parser.add_argument("--examples", type=int, default=10, help="generated requests an operation, beside coverage")
    parser.add_argument("--only", help="a regular expression for paths")
    asked = parser.parse_args()
    began = stopwatch_ns() / 1e9
    with ExitStack() as stack:
        tools = asked.tools or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        python = with_tools(tools)
        parts = {asked.only: asked.only} if asked.only else PARTS
        roots = {name: stack.enter_context(running_server(settings())).root for name in parts}
        document = description(next(iter(roots.values())))
        subprocess.run([python, "-c", VALIDATE], input=json.dumps(document), text=True, check=True)
        operations = sum(map(len, document["paths"].values()))
        print(f"The description of {operations} operations is OpenAPI 3.1.", flush=True)
        work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = [
            (name, fuzz(python, roots[name], pattern, asked.examples, work / f"{number}"))
            for number, (name, pattern) in enumerate(parts.items())
        ]
        results = [reported(*each, work / f"{number}", began) for number, each in enumerate(running)]
        ok = all(results)
    for check, reason in LEFT_OUT.items():
        print(f"not checked: {check}: {reason}")
    print(f"{'nothing found' if ok else 'FAILED'} after {stopwatch_ns() / 1e9 - began:.0f} s")
    return 0 if ok else 1


def settings() -> Any:
    return make_settings(
        "realistic", clock="frozen", seed=42, admin_token=ADMIN_TOKEN, known_keys_only=True, max_sandboxes=100_000
    )


def with_tools(directory: Path) -> str:
    """The interpreter of an environment that has the tools."""
    python = directory / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(directory, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *TOOLS], check=True)
    return str(python)


def description(root: str) -> dict[str, Any]:
    from urllib.request import urlopen

    with urlopen(f"{root}/openapi.json", timeout=30) as answer:
        read: dict[str, Any] = json.loads(answer.read())
    return read


def fuzz(python: str, root: str, pattern: str, examples: int, directory: Path) -> subprocess.Popen[bytes]:
    """Schemathesis on its way; its output and reports go to ``directory``."""
    directory.mkdir()
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": str(HERE / "schema_fuzz_hooks.py"),
        "MOCKTUNE_FUZZ_ROOT": root,
        "MOCKTUNE_FUZZ_ADMIN_TOKEN": ADMIN_TOKEN,
    }
    command = [
        python, "-m", "schemathesis.cli", "run", f"{root}/openapi.json", "--include-path-regex", pattern,
        "--phases", "examples,coverage,fuzzing", "--max-examples", str(examples), "--generation-deterministic",
        "--generation-with-security-parameters", "false", "--checks", ",".join(CHECKS), "--continue-on-failure",
        "--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "30", "--no-color",
        "--report", "json", "--report-json-path", str(directory / "report.json"),
    ]  # fmt: skip
    with (directory / "out.txt").open("wb") as out:
        return subprocess.Popen(command, env=environment, cwd=directory, stdout=out, stderr=subprocess.STDOUT)


def reported(name: str, process: subprocess.Popen[bytes], directory: Path, began: float) -> bool:
    """Whether it found nothing within its time; what it found is printed."""
    try:
        code = process.wait(max(1.0, MAX_S - (stopwatch_ns() / 1e9 - began)))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        code = -1
    out = (directory / "out.txt").read_text("utf-8", "replace")
    counted = next((line.strip() for line in out.splitlines() if " generated" in line), "")
    print(f"{name}: {counted or 'not finished'}, {stopwatch_ns() / 1e9 - began:.0f} s", flush=True)
    if code != 0:
        print(out[-20_000:])
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
