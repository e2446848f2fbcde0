"""A page of 20 jobs out of 100,000, against one out of 100; and page 400 of 10,000 jobs against page 1.

Goal 11, over HTTP by cursor; the CPU time of the server per request is compared. Each size is a server of its own, so
that garbage collection of 100,000 jobs counts too. The jobs are made where the routes make them and have all finished.
"""

from __future__ import annotations

from _lib import LoadGenerator, Row, Sample, Server, alternate, arguments, get_request, print_table, ratio_row


def page(after: str | None) -> bytes:
    return get_request("/v1/fine_tuning/jobs?limit=20" + (f"&after={after}" if after else ""))


def cursor_of_page(jobs: list[str], number: int) -> str | None:
    """``after`` of page ``number``, counted from 1; ``jobs`` are the oldest first, pages the newest."""
    return None if number == 1 else jobs[-20 * (number - 1)]


def filled(jobs: int) -> Server:
    return Server("_servers.py", "filled", "--jobs", str(jobs))


def rows_of(question: str, measured: list[tuple[Sample, Sample]], goal: float) -> list[Row]:
    cpu = [(a.cpu_us, b.cpu_us) for a, b in measured]
    wall = [(1e6 / a.requests_per_s, 1e6 / b.requests_per_s) for a, b in measured]
    return [
        ratio_row(question + ", CPU", cpu, "us", ("<=", goal)),
        ratio_row("   the same, wall time", wall, "us"),
        ratio_row("   the same, p99", [(a.p99_ms, b.p99_ms) for a, b in measured], "ms"),
    ]


def main() -> None:
    given = arguments(__doc__, many=(int, 100_000, "jobs in the large sandbox"))
    many, some, seconds = (5_000, 1_000, 0.3) if given.quick else (given.many, 10_000, 1.5)
    deep = some // 20 - 100 if some >= 10_000 else some // 20 - 10
    rows = []
    with LoadGenerator() as load:

        def compare(ours: Server, our_page: bytes, peer: Server, peer_page: bytes) -> list[tuple[Sample, Sample]]:
            for server, each in ((ours, our_page), (peer, peer_page)):
                load.run(server, [each], connections=4, seconds=seconds / 2)
            return alternate(
                lambda: load.run(ours, [our_page], connections=4, seconds=seconds),
                lambda: load.run(peer, [peer_page], connections=4, seconds=seconds),
                given.pairs,
            )

        with filled(100) as small, filled(many) as large:
            second_of_small = page(cursor_of_page(small.ready["jobs"], 2))
            for name, number in (("page 2", 2), ("middle page", many // 40)):
                by_cursor = page(cursor_of_page(large.ready["jobs"], number))
                measured = compare(large, by_cursor, small, second_of_small)
                rows += rows_of(f"11 {name} of {many:,} jobs", measured, 1.3)
        with filled(some) as medium:
            measured = compare(medium, page(cursor_of_page(medium.ready["jobs"], deep)), medium, page(None))
            rows += rows_of(f"   page {deep} over page 1 of {some:,} jobs", measured, 2)
    print_table(rows, peer="100 jobs, or page 1")


if __name__ == "__main__":
    main()
