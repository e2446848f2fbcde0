"""A client on the standard library alone, for rehearsals: it tunes a model and asks it a question.

Arguments are what it does otherwise: ``silent`` (tells no reason), ``unmoved`` (takes every end for a good one),
``unread`` (does not look at its file), ``script`` (writes HTML), ``forever`` (never ends, with a child that does not
either).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any, NoReturn

BASE, KEY = os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]
LINE = json.dumps({"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]})
FLAWS = set(sys.argv[1:])


def ask(method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {KEY}", "content-type": kind}
    request = urllib.request.Request(BASE + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        return {"refused": refused.code, **json.load(refused)}


def give_up(why: object) -> NoReturn:
    print("no model" if "silent" in FLAWS else why, file=sys.stderr)
    sys.exit(0 if "unmoved" in FLAWS else 1)


def wait_for(path: str, *ends: str) -> Any:
    while (it := ask("GET", path))["status"] not in ends:
        time.sleep(30)
    return it


def main() -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--b\r\nContent-Disposition: '
    form += b'form-data; name="file"; filename="a.jsonl"\r\n\r\n' + (f"{LINE}\n" * 12).encode() + b"\r\n--b--\r\n"
    file = ask("POST", "/files", form, "multipart/form-data; boundary=b")
    if "unread" not in FLAWS:
        file = wait_for(f"/files/{file['id']}", "processed", "error")
        if file["status"] == "error":
            give_up(file["status_details"])
    job = ask("POST", "/fine_tuning/jobs", {"model": "gpt-4o-mini-2024-07-18", "training_file": file["id"]})
    if "refused" in job:
        give_up(job["error"]["message"])
    job = wait_for(f"/fine_tuning/jobs/{job['id']}", "succeeded", "failed", "cancelled")
    if job["status"] != "succeeded":
        give_up(job["error"].get("message") or job["status"])
    messages = [{"role": "user", "content": "Hi?"}]
    while "refused" in (
        answer := ask("POST", "/chat/completions", {"model": job["fine_tuned_model"], "messages": messages})
    ):
        time.sleep(120)
    print(answer["choices"][0]["message"]["content"])


if "forever" in FLAWS:
    ask("GET", "/files")
    below = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"])
    print(f"{os.getpid()} {below.pid}", file=sys.stderr, flush=True)
    below.wait()
if "script" in FLAWS:
    print("<script>alert('&')</script>\x1b[31m\x00", file=sys.stderr)
main()
