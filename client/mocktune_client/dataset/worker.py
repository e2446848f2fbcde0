"""A process that looks at parts of a dataset; ``workers.py`` says what is spoken with it."""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
from typing import BinaryIO

import msgspec

from mocktune_client.dataset.surveying import survey
from mocktune_client.dataset.workers import Task, read_frame, write_frame


def serve(asked: BinaryIO, answered: BinaryIO) -> None:
    """Answer until the input ends."""
    tasks = msgspec.msgpack.Decoder(Task)
    while True:
        try:
            task = tasks.decode(read_frame(asked))
        except EOFError:
            return
        try:
            with open(task.path, "rb", buffering=0) as source:  # blocks are read, not lines
                source.seek(task.offset)
                answer = msgspec.msgpack.encode(survey(source, task.length, task.question))
        except OSError:
            answer = b""
        write_frame(answered, answer)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt at the terminal reaches all; the check ends its workers
    gc.disable()  # what is decoded holds no cycles, and goes block by block
    with contextlib.suppress(BrokenPipeError):
        serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
