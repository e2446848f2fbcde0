"""What usual clients report of each fault of a connection, as the table in ``docs/reference/faults.md``.

    python .ci/fault_clients.py             asks every client, and rewrites the table
    python .ci/fault_clients.py --check     asks them again, and fails where the table says something else

Every client is a process of its own that asks a server of this one, row by row, with a time-out of two seconds in the
form that its users mostly give one. Wants ``mocktune``, its tests' dependencies, aiohttp, curl, node and npm. Names of
exceptions and exit codes are compared, never times.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "reference" / "faults.md"
NODE_CLIENT = Path(__file__).with_suffix(".mjs")
NODE_PACKAGE = PROJECT / "contract_tests" / "node" / "package.json"

BEGINS, ENDS = "<!-- clients: written by .ci/fault_clients.py -->\n", "<!-- end of clients -->"

TIMEOUT_S = 2.0
CLIENT_TIMEOUT_S = 90.0
"""For all rows of one client."""

CHAT = {"model": "gpt-4o-mini-2024-07-18", "messages": [{"role": "user", "content": "Tell me a long story, please."}]}
HTML = {"status": 502, "body": "<html><body><h1>502 Bad Gateway</h1></body></html>"}
AFTER = {"at": "after_commit"}

ROWS: list[tuple[str, dict[str, Any], bool]] = [
    ("`CONNECTION_RESET_BY_PEER`", {**AFTER, "fault": "CONNECTION_RESET_BY_PEER"}, False),
    ("the same, `mid_body`", {"at": "mid_body", "fault": "CONNECTION_RESET_BY_PEER"}, False),
    ("`EMPTY_RESPONSE`", {**AFTER, "fault": "EMPTY_RESPONSE"}, False),
    ("`MALFORMED_RESPONSE_CHUNK`", {**AFTER, "fault": "MALFORMED_RESPONSE_CHUNK"}, False),
    ("the same, `mid_body`", {"at": "mid_body", "fault": "MALFORMED_RESPONSE_CHUNK"}, False),
    ("`RANDOM_DATA_THEN_CLOSE`", {**AFTER, "fault": "RANDOM_DATA_THEN_CLOSE"}, False),
    ("`TRUNCATE`: a body cut in half", {"at": "mid_body", "fault": "TRUNCATE"}, False),
    ("`TRUNCATE` of a stream", {"at": "mid_body", "fault": "TRUNCATE"}, True),
    ("`STALL`", {**AFTER, "fault": "STALL"}, False),
    ("`STALL` in a body", {"at": "mid_body", "fault": "STALL"}, False),
    ("a body that dribbles for 4 s", {"at": "mid_body", "delay": "4s", "dribble": True}, False),
    ("a 502 with HTML", {"answer": HTML}, False),
]
"""What is told, the rule, and whether a stream is asked for."""

CURL_NAMES = {
    1: "UNSUPPORTED_PROTOCOL", 18: "PARTIAL_FILE", 22: "HTTP_RETURNED_ERROR", 28: "OPERATION_TIMEDOUT",
    52: "GOT_NOTHING", 56: "RECV_ERROR",
}  # fmt: skip
"""Of exit codes, as libcurl calls them."""

Row = dict[str, Any]
Said = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the page instead of writing it")
    parser.add_argument("--as", dest="client", choices=list(PYTHON_CLIENTS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.client:
        ask_as(PYTHON_CLIENTS[arguments.client])
        return
    before, _, rest = PAGE.read_text("utf-8").partition(BEGINS)
    written, _, after = rest.partition(ENDS)
    found = table()
    if arguments.check:
        if rows_of(written) != rows_of(found):
            print(found)
            sys.exit(f"{PAGE.name} says something else; run .ci/fault_clients.py and look at the difference")
        print(f"{len(ROWS)} faults are reported as {PAGE.name} says")
        return
    PAGE.write_text(f"{before}{BEGINS}\n{found}\n{ENDS}{after}", "utf-8")


def rows_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def table() -> str:
    """The rows in Markdown, and the versions that were asked."""
    from mocktune import make_settings, running_server

    with running_server(make_settings("quick", clock="frozen")) as server, node_sdk() as node_modules:
        rows: list[Row] = [
            {"url": server.base_url, "key": f"sk-fault-{number}", "stream": stream, "chat": CHAT}
            for number, (_, _, stream) in enumerate(ROWS)
        ]
        for row, (_, rule, _) in zip(rows, ROWS, strict=True):
            inject(server.root, row["key"], rule)
        asked: dict[str, Callable[[], list[Said]]] = {
            "httpx2": lambda: by_process(python("httpx2"), rows),
            "requests": lambda: by_process(python("requests"), rows),
            "aiohttp": lambda: by_process(python("aiohttp"), rows),
            "openai (Python)": lambda: by_process(python("openai"), rows),
            "fetch (node)": lambda: by_process(["node", str(NODE_CLIENT), "fetch"], rows),
            "openai (node)": lambda: by_process(["node", str(node_modules / NODE_CLIENT.name), "sdk"], rows),
            "curl": lambda: [by_curl(row) for row in rows],
        }
        with ThreadPoolExecutor(max_workers=2) as pool:  # they mostly wait; more at once might make one late
            columns = dict(zip(asked, pool.map(lambda ask: ask(), asked.values()), strict=True))
    lines = ["| fault | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for number, (told, _, _) in enumerate(ROWS):
        lines.append(f"| {told} | " + " | ".join(cell(said[number]) for said in columns.values()) + " |")
    names = ("httpx2", "requests", "aiohttp", "openai")
    versions = [f"{name} {version(name)}" for name in names]
    in_node = json.loads(NODE_PACKAGE.read_text("utf-8"))["dependencies"]["openai"]
    versions += [f"node {output('node', '--version')} with openai {in_node}"]
    versions += [f"curl {output('curl', '--version').split()[1]}"]
    return "\n".join([*lines, "", f"Asked: {', '.join(versions)}.", ""])


def inject(root: str, key: str, rule: dict[str, Any]) -> None:
    import httpx2

    headers = {"authorization": f"Bearer {key}"}
    httpx2.post(f"{root}/_mocktune/faults", json=rule, headers=headers).raise_for_status()


def cell(said: Said) -> str:
    if said.get("ok"):
        return "the whole answer"
    if "exit" in said:
        return f"`{said['exit']}` {CURL_NAMES.get(said['exit'], '')}".strip()
    text = f"`{said['name']}`"
    if said.get("cause"):
        text += f" of `{said['cause']}`"
    return text


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()


# -- clients in processes of their own ---------------------------------------------------------------------------------


def python(client: str) -> list[str]:
    return [sys.executable, __file__, "--as", client]


def by_process(command: list[str], rows: list[Row]) -> list[Said]:
    """What a client says of every row, one line of JSON each."""
    given = json.dumps({"rows": rows, "timeout_s": TIMEOUT_S})
    ran = subprocess.run(command, input=given, capture_output=True, text=True, timeout=CLIENT_TIMEOUT_S, check=False)
    said: list[Said] = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode or len(said) != len(rows):
        sys.exit(f"{' '.join(command)} failed with {ran.returncode}:\n{ran.stdout}\n{ran.stderr}")
    return said


def by_curl(row: Row) -> Said:
    """``-f``: a status of 400 or more is an error, as scripts mostly want it."""
    key = f"authorization: Bearer {row['key']}"
    command = ["curl", "-sSf", "--max-time", str(TIMEOUT_S), "-o", "/dev/null", "-H", key]
    if row["stream"]:
        body = json.dumps({**row["chat"], "stream": True})
        command += ["-N", "-H", "content-type: application/json", "-d", body, row["url"] + "/chat/completions"]
    else:
        command.append(row["url"] + "/models")
    ran = subprocess.run(command, capture_output=True, timeout=30, check=False)
    return {"ok": True} if ran.returncode == 0 else {"exit": ran.returncode}


@contextlib.contextmanager
def node_sdk() -> Iterator[Path]:
    """A folder with the official Node SDK and the client beside it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for source in (NODE_CLIENT, NODE_PACKAGE):
            folder.joinpath(source.name).write_bytes(source.read_bytes())
        quiet = ["--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"]
        installed = ["npm", "install", "--prefix", str(folder), *quiet]
        subprocess.run(installed, stdout=subprocess.DEVNULL, timeout=300, check=True)
        yield folder


# -- the clients in Python ---------------------------------------------------------------------------------------------


def ask_as(client: Callable[[Row, float], None]) -> None:
    given = json.loads(sys.stdin.read())
    for row in given["rows"]:
        try:
            client(row, given["timeout_s"])
            said: Said = {"ok": True}
        except Exception as error:
            said = {"name": type(error).__name__}
        print(json.dumps(said), flush=True)


def request_of(row: Row) -> tuple[str, str, dict[str, Any]]:
    headers = {"authorization": f"Bearer {row['key']}"}
    if row["stream"]:
        return "POST", row["url"] + "/chat/completions", {"headers": headers, "json": {**row["chat"], "stream": True}}
    return "GET", row["url"] + "/models", {"headers": headers}


def httpx2_client(row: Row, timeout_s: float) -> None:
    import httpx2

    method, url, sent = request_of(row)
    answer = httpx2.request(method, url, timeout=timeout_s, **sent).raise_for_status()
    if not row["stream"]:
        answer.json()


def requests_client(row: Row, timeout_s: float) -> None:
    import requests

    method, url, sent = request_of(row)
    answer = requests.request(method, url, timeout=timeout_s, **sent)
    answer.raise_for_status()
    if not row["stream"]:
        answer.json()


def aiohttp_client(row: Row, timeout_s: float) -> None:
    import aiohttp

    async def ask() -> None:
        method, url, sent = request_of(row)
        total = aiohttp.ClientTimeout(total=timeout_s)
        async with aiohttp.ClientSession(timeout=total) as session, session.request(method, url, **sent) as answer:
            answer.raise_for_status()
            await (answer.text() if row["stream"] else answer.json())

    asyncio.run(ask())


def openai_client(row: Row, timeout_s: float) -> None:
    import openai

    with openai.OpenAI(base_url=row["url"], api_key=row["key"], timeout=timeout_s, max_retries=0) as client:
        if row["stream"]:
            for _ in client.chat.completions.create(**row["chat"], stream=True):
                pass
        else:
            client.models.list()


PYTHON_CLIENTS: dict[str, Callable[[Row, float], None]] = {
    "httpx2": httpx2_client,
    "requests": requests_client,
    "aiohttp": aiohttp_client,
    "openai": openai_client,
}

if __name__ == "__main__":
    main()
