"""``mocktune add``: ready-made objects in a sandbox of a running server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mocktune.cli.clock import DEFAULT_URL
from mocktune.cli.exits import fail
from mocktune.cli.pairs import metadata_of

Kind = Literal["job", "model", "file", "gallery"]

FIELDS: dict[str, tuple[str, ...]] = {
    "job": (
        "status", "progress", "failure", "age", "model", "method", "suffix", "metadata", "n_epochs", "examples",
        "training_file", "validation_file",
    ),
    "model": ("state", "ready_in", "trained_on", "age", "model", "suffix"),
    "file": ("status", "status_details", "filename", "purpose", "content", "examples", "age", "processing_for"),
    "gallery": (),
}  # fmt: skip
"""The options of each kind, which are the fields of its request."""

MAX_FILE_BYTES = 32 * 1024 * 1024


def add(
    kind: Annotated[Kind, typer.Argument(help="What to add; gallery: one of everything.")],
    status: Annotated[
        str | None,
        typer.Option(
            help="Of a job: validating_files, queued, running, paused, succeeded, failed or cancelled; of a file: "
            "uploaded, processed or error."
        ),
    ] = None,
    progress: Annotated[str | None, typer.Option(help="How far a job is in that: 40% or 0.4.")] = None,
    failure: Annotated[
        str | None, typer.Option(metavar="NAME", help="How a job fails, or will; 'list' prints the names.")
    ] = None,
    age: Annotated[str | None, typer.Option(metavar="DURATION", help="How long ago it was created.")] = None,
    model: Annotated[str | None, typer.Option(help="The model that is trained.")] = None,
    method: Annotated[str | None, typer.Option(help="supervised, dpo or reinforcement.")] = None,
    suffix: Annotated[str | None, typer.Option(help="The suffix in the tuned model's name.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Metadata of a job; may be given several times.")
    ] = None,
    n_epochs: Annotated[int | None, typer.Option(help="The epochs of a job.")] = None,
    examples: Annotated[
        str | None, typer.Option(metavar="N|FILE", help="How many examples a file has, or a JSONL file with them.")
    ] = None,
    training_file: Annotated[str | None, typer.Option(metavar="ID", help="A file of the sandbox.")] = None,
    validation_file: Annotated[str | None, typer.Option(metavar="ID", help="A file of the sandbox.")] = None,
    state: Annotated[str | None, typer.Option(help="Of a model: absent, loading or ready.")] = None,
    ready_in: Annotated[str | None, typer.Option(metavar="DURATION", help="How long until a model answers.")] = None,
    trained_on: Annotated[
        str | None, typer.Option(metavar="FILE|ID", help="A JSONL file, or a file of the sandbox.")
    ] = None,
    filename: Annotated[str | None, typer.Option(help="The name of a file.")] = None,
    purpose: Annotated[str | None, typer.Option(help="The purpose of a file.")] = None,
    content: Annotated[str | None, typer.Option(metavar="FILE", help="What the file holds, as it stands.")] = None,
    processing_for: Annotated[
        str | None, typer.Option(metavar="DURATION", help="How long a file that is uploaded is still processed.")
    ] = None,
    status_details: Annotated[str | None, typer.Option(help="Why a file ends in error.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the object instead of its id.")] = False,
    url: Annotated[str, typer.Option(envvar="OPENAI_BASE_URL", help="The server, with or without /v1.")] = DEFAULT_URL,
    api_key: Annotated[
        str, typer.Option(envvar="OPENAI_API_KEY", show_default=False, help="Names the sandbox it is added to.")
    ] = "",
) -> None:
    """Add an object that stands where you need it.

    mocktune add job --status running --progress 40% · mocktune add job --failure too_few_examples ·
    mocktune add model --state loading --ready-in 30s · mocktune add gallery
    """
    if failure == "list":
        _print_failures()
        return
    given: dict[str, Any] = {
        "status": status, "progress": progress, "failure": failure, "age": age, "model": model, "method": method,
        "suffix": suffix, "n_epochs": n_epochs, "training_file": training_file, "validation_file": validation_file,
        "state": state, "ready_in": ready_in, "filename": filename, "purpose": purpose,
        "processing_for": processing_for, "status_details": status_details,
        "metadata": metadata_of(metadata or []) or None, "content": content, "examples": examples,
        "trained_on": trained_on,
    }  # fmt: skip
    body = _body(kind, {name: value for name, value in given.items() if value is not None})
    if not api_key:
        fail("give --api-key or set OPENAI_API_KEY: the key names the sandbox it is added to")

    from mocktune.cli.control_plane import ControlPlane

    made = ControlPlane(url, api_key).post(f"state/{kind}" + ("" if kind == "gallery" else "s"), body)
    if as_json:
        print(json.dumps(made, indent=2, ensure_ascii=False))
        return
    if kind == "gallery":
        for each in (*made["files"], *made["jobs"]):
            _print(each)
        for each, name in zip(made["models"], ("absent", "loading", "ready"), strict=True):
            _print(each, name)
        return
    _print(made, state or "ready")


def _body(kind: Kind, given: dict[str, Any]) -> dict[str, Any]:
    """The request that the options make. What they may say the server checks; here only files are read."""
    for name in given:
        if name not in FIELDS[kind]:
            kinds = " or ".join(other for other, names in FIELDS.items() if name in names)
            fail(f"--{name.replace('_', '-')} belongs to: mocktune add {kinds}")
    body = dict(given)
    if "content" in body:
        body["content"] = _text(body["content"])
    if "examples" in body:
        examples = str(body["examples"])
        body["examples"] = int(examples) if examples.isdecimal() else _lines(examples)
    if "trained_on" in body and Path(body["trained_on"]).is_file():
        body["trained_on"] = _lines(body["trained_on"])
    return body


def _lines(path: str) -> list[Any]:
    """The examples of a JSONL file."""
    try:
        return [json.loads(line) for line in _text(path).splitlines() if line.strip()]
    except ValueError as error:
        fail(f"{path} is no JSONL file: {error}")


def _text(path: str) -> str:
    try:
        with Path(path).open("rb") as source:
            data = source.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            fail(f"{path} is larger than {MAX_FILE_BYTES} bytes")
        return data.decode()
    except (OSError, ValueError) as error:  # no text is a ValueError
        fail(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}")


def _print_failures() -> None:
    from mocktune.domain.failures import ALIASES, RECIPES

    width = max(map(len, RECIPES))
    for name, recipe in RECIPES.items():
        others = [alias for alias, of in ALIASES.items() if of == name]
        print(f"{name:{width}}  {recipe.summary}" + (f" (also: {', '.join(others)})" if others else ""))


def _print(made: Any, state: str = "") -> None:
    """The id for whoever goes on with it, and a line for people."""
    print(made["id"], flush=True)
    print(f"mocktune: {_described(made, state)}", file=sys.stderr, flush=True)


def _described(made: Any, state: str) -> str:
    match made["object"]:
        case "file":
            details = f": {made['status_details']}" if made["status_details"] else ""
            return f"a file, {made['status']}, {made['filename']} of {made['bytes']} bytes{details}"
        case "fine_tuning.job":
            error = made["error"] or {}
            ends = f", {error['code']}: {error['message']}" if error.get("code") else ""
            model = f", {made['fine_tuned_model']}" if made["fine_tuned_model"] else ""
            return f"a job, {made['status']}, on {made['model']}, created {_at(made['created_at'])}{model}{ends}"
    return f"a model, {state}, created {_at(made['created'])}"


def _at(seconds: int) -> str:
    from mocktune.domain.clock import SECOND, VirtualTime, format_instant

    return format_instant(VirtualTime(seconds * SECOND))
