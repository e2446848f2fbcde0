"""Stream a chat completion as server-sent events, against an ASGI callable that sends the same bytes one event a send.

Goal 12: events per second, over those of raw sends. Unpaced, as fast as the client takes them, and paced: one send an
event, which a rule of faults with ``dribble`` and no delay asks for.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from _data import examples
from _lib import KEY, MOCKTUNE, LoadGenerator, Sample, Server, alternate, arguments, print_table, ratio_row

QUESTION = "Tell me a long story."


def story(words: int) -> str:
    return " ".join(f"word{number}" for number in range(words))


def trained_model(server: Server, words: int) -> str:
    said = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": story(words)}]
    lines = json.dumps({"messages": said}).encode() + b"\n" + examples(11)
    job = server.finished_job(lines)
    model: str = server.ask("GET", f"/v1/fine_tuning/jobs/{job}")["fine_tuned_model"]
    return model


def chat_request(model: str) -> bytes:
    asked = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "stream": True}
    body = json.dumps(asked).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def events_of(server: Server, request: bytes) -> bytes:
    """The stream as it arrives, without the chunks of its transfer."""
    import http.client

    connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
    try:
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", request.partition(b"\r\n\r\n")[2], headers)
        return connection.getresponse().read()
    finally:
        connection.close()


def main() -> None:
    given = arguments(__doc__, words=(int, 1000, "words of the answer, each of them an event"))
    words, seconds = (100, 0.3) if given.quick else (given.words, 2.0)
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        LoadGenerator() as load,
        Server(*MOCKTUNE) as plain,
        Server(*MOCKTUNE) as paced,
    ):
        requests = {server: chat_request(trained_model(server, words)) for server in (plain, paced)}
        events = events_of(plain, requests[plain])
        count = events.count(b"\n\n")
        assert count > words, events[:300]
        path = Path(folder) / "events"
        path.write_bytes(events)
        paced.ask(
            "POST",
            "/_mocktune/faults",
            {"operation": "chat.completions.create", "at": "mid_body", "delay": "0s", "dribble": True},
        )
        with Server("_servers.py", "stream", "--events", str(path)) as raw:
            requests[raw] = requests[plain]

            def run(server: Server) -> Sample:
                return load.run(server, [requests[server]], connections=4, seconds=seconds)

            for server in (plain, paced, raw):
                run(server)
            unpaced_pairs = alternate(lambda: run(plain), lambda: run(raw), given.pairs)
            paced_pairs = alternate(lambda: run(paced), lambda: run(raw), given.pairs)

    def per_s(pairs: list[tuple[Sample, Sample]]) -> list[tuple[float, float]]:
        return [(a.requests_per_s * count, b.requests_per_s * count) for a, b in pairs]

    def cpu_us(pairs: list[tuple[Sample, Sample]]) -> list[tuple[float, float]]:
        return [(a.cpu_us / count, b.cpu_us / count) for a, b in pairs]

    print_table(
        [
            ratio_row("12 events/s, unpaced", per_s(unpaced_pairs), "1/s", (">=", 2)),
            ratio_row("   server CPU an event", cpu_us(unpaced_pairs), "us"),
            ratio_row("12 events/s, paced", per_s(paced_pairs), "1/s", (">=", 0.5)),
            ratio_row("   server CPU an event", cpu_us(paced_pairs), "us"),
        ],
        peer="raw sends",
    )


if __name__ == "__main__":
    main()
