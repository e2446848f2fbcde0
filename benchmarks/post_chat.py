"""POST /chat/completions with exact usage, against aimock, a mock of language models in Node, on the same machine.

Goal 2: server CPU time of one request, over aimock's. Both answer the same question with the same text: mocktune from
what a tuned model learned, with every token counted, aimock from a fixture, with an estimate. The base model, a stream
of chunks and a conversation of 20 messages stand below it.

aimock comes from npm (``@copilotkit/aimock``), into a folder of temporary files. Without Node and npm, or where npm
cannot be reached, the script says so and shows mocktune's own figures.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Literal

from _data import examples
from _lib import KEY, MOCKTUNE, LoadGenerator, Row, Server, alternate, arguments, print_table, ratio_row

AIMOCK = "@copilotkit/aimock@1.43.0"
FOLDER = Path(tempfile.gettempdir()) / "mocktune-benchmark-aimock-1.43.0"

QUESTION, ANSWER = "What comes after 7?", "After 7 comes 8, as it has always done."
SYSTEM = {"role": "system", "content": "You answer questions about numbers, briefly."}

_SERVE_AIMOCK = """
import { LLMock } from "@copilotkit/aimock";
const mock = new LLMock({ port: 0, logLevel: "silent" });
mock.onMessage(process.argv[2], { content: process.argv[3] });
await mock.start();
console.log(JSON.stringify({ event: "ready", root: mock.url, pid: process.pid }));
"""
_BECOME = "import os, sys; os.chdir(sys.argv[1]); os.execvp(sys.argv[2], sys.argv[2:])"
"""The server's process is Node itself, so that its CPU time is counted."""


def post(body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


def installed() -> str | None:
    """Why there is no aimock; None where there is."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "node and npm are not installed"
    if not (FOLDER / "node_modules").is_dir():
        FOLDER.mkdir(exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(FOLDER), AIMOCK]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            return "npm install took too long"
        if done.returncode:
            return f"npm install failed: {(done.stderr or done.stdout).strip()[-300:]}"
    (FOLDER / "serve.mjs").write_text(_SERVE_AIMOCK)
    return None


def aimock() -> contextlib.AbstractContextManager[Server | None]:
    reason = installed()
    if reason is not None:
        print(f"aimock is not here to compare with ({reason}): mocktune's own figures.\n")
        return contextlib.nullcontext()
    return Server("-c", _BECOME, str(FOLDER), "node", "serve.mjs", QUESTION, ANSWER)


def main() -> None:
    given = arguments(__doc__)
    seconds = 0.3 if given.quick else 2.0
    with Server(*MOCKTUNE) as ours, aimock() as peer, LoadGenerator() as load:
        job = ours.ask("GET", f"/v1/fine_tuning/jobs/{ours.finished_job(examples(40), suffix='benchmark')}")
        tuned = job["fine_tuned_model"]
        turn = [{"role": "user", "content": "What comes after 3?"}, {"role": "assistant", "content": "4, as always."}]
        asked = [SYSTEM, {"role": "user", "content": QUESTION}]
        questions = {
            "2  POST chat, exact usage: CPU": {"model": tuned, "messages": asked},
            "   of the base model": {"model": "gpt-4o-mini", "messages": asked},
            "   after 18 earlier messages": {"model": tuned, "messages": [SYSTEM, *turn * 9, asked[-1]]},
        }
        said = ours.ask("POST", "/v1/chat/completions", questions["2  POST chat, exact usage: CPU"])
        assert said["choices"][0]["message"]["content"] == ANSWER, said

        def cpu_us(server: Server, body: dict[str, Any]) -> float:
            return load.run(server, [post(body)], connections=16, seconds=seconds).cpu_us

        rows = []
        for question, body in questions.items():
            goal: tuple[Literal["<="], float] | None = ("<=", 1.0) if question.startswith("2") else None
            cpu_us(ours, body)
            if peer is None:
                figures = [cpu_us(ours, body) for _ in range(given.pairs)]
                rows.append(Row(question, "see ratio", "-", figures, unit=" us"))
                continue
            cpu_us(peer, body)
            measured = alternate(
                lambda body=body: cpu_us(ours, body),  # type: ignore[misc]  # mypy knows no defaults in lambdas
                lambda body=body: cpu_us(peer, body),  # type: ignore[misc]
                given.pairs,
            )
            rows.append(ratio_row(question, measured, "us", goal))
    print_table(rows, peer="aimock")


if __name__ == "__main__":
    main()
