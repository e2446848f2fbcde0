"""``mocktune files``: look at files of the service, bring some there, fetch and delete them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mocktune.cli.exits import fail
from mocktune.cli.targets import BaseUrl, DryRun, Json, Live, MaxCost

if TYPE_CHECKING:
    from mocktune.cli.session import Session

files = typer.Typer(help="List, show, upload, download and delete files.", no_args_is_help=True)

FileId = Annotated[str, typer.Argument(metavar="FILE", help="Its id, file-…", show_default=False)]
FileIds = Annotated[list[str], typer.Argument(metavar="FILE…", help="Their ids.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether to delete what is live.")]

FINE_TUNE = "fine-tune"


@files.command("list")
def list_files(
    purpose: Annotated[
        str | None, typer.Option(metavar="PURPOSE", help="Only those with this purpose.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(metavar="NUMBER", min=1, help="How many, newest first.")] = 20,
    all_: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    after: Annotated[str | None, typer.Option(metavar="FILE", help="Go on behind this one.")] = None,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """List files, newest first."""
    from itertools import islice

    from mocktune.cli.listing import print_table, size, walk, when
    from mocktune.cli.printing import print_json
    from mocktune.cli.session import session

    with session(live=live, max_cost=max_cost, base_url=base_url, json=json) as at:
        asked: dict[str, Any] = {} if purpose is None else {"purpose": purpose}

        def ask_for_page(**cursor: Any) -> Any:
            return at.client.files.list(**cursor, **asked)

        # A service that knows no filter answers all files.
        found = walk(ask_for_page, None if all_ or purpose else limit, after)
        if purpose:
            found = (file for file in found if file.purpose == purpose)
        chosen = found if all_ else islice(found, limit)
        if json:
            for file in chosen:
                print_json(file)
        else:
            rows = (
                [file.id, file.status, size(file.bytes), file.filename, file.purpose, when(file.created_at)]
                for file in chosen
            )
            print_table(("id", "status", "size", "filename", "purpose", "created"), rows, none="no files")


@files.command()
def show(
    file: FileId, live: Live = False, max_cost: MaxCost = None, base_url: BaseUrl = None, json: Json = False
) -> None:
    """Show a file, and what is wrong with it."""
    from mocktune.cli.printing import print_json
    from mocktune.cli.session import session

    with session(live=live, max_cost=max_cost, base_url=base_url, json=json) as at:
        found = at.client.files.retrieve(file)
        if json:
            print_json(found)
        else:
            _print_file(found)


@files.command()
def upload(
    path: Annotated[list[Path], typer.Argument(metavar="PATH…", show_default=False)],
    purpose: Annotated[str, typer.Option(metavar="PURPOSE", help="What it is for.")] = FINE_TUNE,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its name there, of a single file.", show_default=False)
    ] = None,
    dry_run: DryRun = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Upload files, and wait until training files are processed. Those are stored under a name that holds their hash,
    and are not sent twice; --name sends one again, as it is.
    """
    from mocktune.cli.printing import print_json
    from mocktune.cli.session import session

    if name is not None and len(path) > 1:
        fail("--name is for a single file")
    for each in path:
        if not each.is_file():
            fail(f"{each}: {'is a folder' if each.is_dir() else 'there is no such file'}")
    with session(live=live, max_cost=max_cost, base_url=base_url, json=json, dry_run=dry_run) as at:
        for each in path:
            size_bytes = each.stat().st_size
            if dry_run and json:
                print_json({"event": "step", "does": "upload", "path": str(each), "bytes": size_bytes})
            elif dry_run:
                print(f"would upload {each}, {size_bytes:,} bytes, as {purpose}")
            else:
                _tell_uploaded(at, *_uploaded(at, each, purpose, name))


@files.command()
def download(
    file: FileId,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="PATH", help="Where to; else its own name, here.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Download a file as the service keeps it. Results of a job are better read by: mocktune jobs results."""
    from mocktune.cli.downloads import local_name, may_write, written
    from mocktune.cli.printing import print_json
    from mocktune.cli.session import session

    if out is not None and not out.is_dir():
        may_write(out, force=force)
    with session(live=live, max_cost=max_cost, base_url=base_url, json=json) as at:
        path = out
        if path is None or path.is_dir():
            # A name of the service's is no path of ours.
            path = (path or Path()) / local_name(
                at.client.files.retrieve(file).filename, otherwise=local_name(file, "file")
            )
            may_write(path, force=force)
        size_bytes = written(path, _pieces(at.client, file))
        if json:
            print_json({"event": "written", "id": file, "path": str(path), "bytes": size_bytes})
        else:
            print(f"{path}  {size_bytes:,} bytes")


@files.command()
def delete(
    file: FileIds,
    yes: Yes = False,
    dry_run: DryRun = False,
    live: Live = False,
    max_cost: MaxCost = None,
    base_url: BaseUrl = None,
    json: Json = False,
) -> None:
    """Delete files for good. One that is still being processed is waited for."""
    from mocktune.cli.deleting import delete_each
    from mocktune.cli.session import SHORT_PATIENCE_S, session

    with session(live=live, max_cost=max_cost, base_url=base_url, json=json, dry_run=dry_run) as at:
        delete_each(
            at, file, lambda each: at.tuner(patience_s=SHORT_PATIENCE_S).delete_file(each), yes=yes, dry_run=dry_run
        )


def _uploaded(at: Session, path: Path, purpose: str, name: str | None) -> tuple[Any, bool]:
    """The file, and whether it had been there."""
    if purpose != FINE_TUNE:
        with path.open("rb") as source:
            given: Any = {"file": (name or path.name, source), "purpose": purpose}
            return at.client.files.create(**given), False
    tuner = at.tuner()
    if name is not None:
        return tuner.upload(path, filename=name), False
    from mocktune_client.progress import FileSeen, Progress, Uploading

    reused = False

    def on(told: Progress) -> None:
        nonlocal reused
        if isinstance(told, FileSeen):
            reused = told.reused
        elif isinstance(told, Uploading) and told.size_bytes and sys.stderr.isatty():
            end = "\n" if told.sent_bytes == told.size_bytes else ""
            part = told.sent_bytes / told.size_bytes
            print(f"\r{path.name}  {part:4.0%}", end=end, file=sys.stderr, flush=True)

    return tuner.upload_once(path, on=on), reused


def _tell_uploaded(at: Session, uploaded: Any, reused: bool) -> None:
    from mocktune.cli.printing import print_json, printable

    if at.json:
        print_json(uploaded)
    else:
        there = "  (was there already)" if reused else ""
        print(f"{uploaded.id}  {uploaded.status}  {printable(uploaded.filename)}{there}", flush=True)


def _print_file(file: Any) -> None:
    from mocktune.cli.listing import print_fields, size, when
    from mocktune_client import FileFailed

    print_fields(
        (
            ("id", file.id),
            ("status", file.status),
            ("filename", file.filename),
            ("purpose", file.purpose),
            ("size", f"{size(file.bytes)} ({file.bytes:,} bytes)" if isinstance(file.bytes, int) else None),
            ("created", when(file.created_at)),
            ("expires", when(file.expires_at)),
            ("details", str(FileFailed(file)) if file.status == "error" else file.status_details),
        )
    )


def _pieces(client: Any, file_id: str) -> Iterator[bytes]:
    with client.files.with_streaming_response.content(file_id) as answer:
        yield from answer.iter_bytes()
