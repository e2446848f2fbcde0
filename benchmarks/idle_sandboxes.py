"""What sandboxes cost that nobody uses any more: 1,000 of them with 10 finished jobs each.

Goal: they take less than 150 MiB and less than one per cent of a core. Their clocks run, and the journals of the
requests that made them are part of it. The peer is a server with one such sandbox: it has loaded its tokenizer, which
is most of its memory, whoever asks.
"""

from __future__ import annotations

import time

from _lib import Row, Server, arguments, print_table


def main() -> None:
    given = arguments(__doc__, sandboxes=(int, 1000, "how many sandboxes"), jobs=(int, 10, "finished jobs in each"))
    sandboxes, seconds = (50, 1.0) if given.quick else (given.sandboxes, 10.0)
    jobs = str(given.jobs)
    with Server("_servers.py", "crowd", "--sandboxes", "1", "--jobs", jobs) as one:
        one_mb = one.memory_mb("VmRSS")
    with Server("_servers.py", "crowd", "--sandboxes", str(sandboxes), "--jobs", jobs) as full:
        time.sleep(1)  # what the start itself costs is over
        cpu_s = full.cpu_s()
        time.sleep(seconds)  # nobody asks anything: this is what is measured
        share = (full.cpu_s() - cpu_s) / seconds * 100
        memory_mb = full.memory_mb("VmRSS")
    grown_mb = memory_mb - one_mb
    print_table(
        [
            Row(
                f"   {sandboxes:,} sandboxes, {jobs} jobs each",
                f"{grown_mb:.0f} MiB",
                "",
                [grown_mb],
                ("<=", 150),
                " MiB",
            ),
            Row(
                "   one of them",
                f"{grown_mb / sandboxes * 1024:.1f} KiB",
                "",
                [grown_mb / sandboxes * 1024],
                None,
                " KiB",
            ),
            Row("   the whole server", f"{memory_mb:.0f} MiB", f"{one_mb:.0f} MiB", [memory_mb], None, " MiB"),
            Row("   CPU while nobody asks", f"{share:.2f} %", "", [share], ("<=", 1), " % of a core"),
        ],
        peer="one sandbox",
    )


if __name__ == "__main__":
    main()
