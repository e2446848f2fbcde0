"""A program: a whole life against a server whose every way out of the process is written down, told as JSON.

An audit hook cannot be taken off again, so this runs in a process of its own (``test_no_telemetry.py``). uvloop looks
names up and connects in C, where no audit event is raised, so that the server runs on asyncio's loop here; what it
does is the same code. Prints ``{"status", "answer", "delivered", "ways_out": [[thread, event, host], ...]}``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from mocktune.testing.control import ControlPlane

EVENTS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname")
KEY = "sk-mt-watched"


def main() -> None:
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # cannot be imported any more
    ways_out: list[tuple[str, str, str]] = []
    sys.addaudithook(lambda event, args: _note(ways_out, event, args))
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"  # of this test's client
    from openai import OpenAI

    from mocktune import make_settings, running_server

    delivered = threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()
            delivered.set()

        def log_message(self, format: str, *args: object) -> None:
            pass

    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, name="receiver", daemon=True).start()
    line = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}
    with running_server(make_settings("realistic", clock="frozen")) as server:
        control = ControlPlane(server.root, KEY)
        control.post("webhooks/endpoints", {"url": f"http://127.0.0.1:{receiver.server_port}/"})
        client = OpenAI(base_url=server.base_url, api_key=KEY, max_retries=0)
        file = client.files.create(file=("a.jsonl", (json.dumps(line) + "\n").encode() * 10), purpose="fine-tune")
        job = client.fine_tuning.jobs.create(model="gpt-4o-mini-2024-07-18", training_file=file.id)
        control.post("clock/advance", {"by": "4h"})
        job = client.fine_tuning.jobs.retrieve(job.id)
        answer = client.chat.completions.create(
            model=str(job.fine_tuned_model), messages=[{"role": "user", "content": "Hi"}]
        )
        client.moderations.create(input="Hi")
        grader = {
            "type": "text_similarity", "name": "near", "input": "{{sample.output_text}}", "reference": "Hello.",
            "evaluation_metric": "rouge_l",
        }  # fmt: skip
        client.post("/fine_tuning/alpha/graders/run", body={"grader": grader, "model_sample": "Hi"}, cast_to=object)
        client.files.content(job.result_files[0])
        came = delivered.wait(30)
        control.close()
        client.close()
    receiver.shutdown()
    receiver.server_close()
    said = answer.choices[0].message.content
    print(json.dumps({"status": job.status, "answer": said, "delivered": came, "ways_out": ways_out}))


def _note(ways_out: list[tuple[str, str, str]], event: str, args: tuple[Any, ...]) -> None:
    if event not in EVENTS:
        return
    target = args[-1] if event in ("socket.connect", "socket.sendto", "socket.sendmsg") else args[0]
    host = target[0] if isinstance(target, tuple) else target  # an AF_UNIX socket's target is a path
    ways_out.append((threading.current_thread().name, event, str(host)))


if __name__ == "__main__":
    main()
