"""``mocktune serve``: a server in the foreground, and the line that says it is ready."""

from __future__ import annotations

import json
import os
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mocktune import __version__
from mocktune.cli.exits import fail
from mocktune.cli.signals import end_cleanly, held
from mocktune.domain.clock import SECOND, ClockError, ClockMode, parse_duration
from mocktune.domain.documents import ScenarioError
from mocktune.settings import DEFAULT_HOST, DEFAULT_PORT, Settings, starting_scenario
from mocktune.storage.scenario_files import load_scenario
from mocktune.storage.secrets import new_admin_token

if TYPE_CHECKING:
    import socket

    from mocktune.domain.state import State

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,3})?)\s*([KMGT]?)(?:I?B)?", re.IGNORECASE | re.ASCII)
_WILDCARDS = frozenset({"0.0.0.0", "::", "[::]"})


class WireOption(StrEnum):
    observed = "observed"
    sdk = "sdk"


class ProfileOption(StrEnum):
    classic = "classic"
    today = "today"


def _option(text: str, name: str, metavar: str, *flags: str, **rest: Any) -> Any:
    """An option that ``MOCKTUNE_NAME`` sets too. The variables are told once, above the options."""
    return typer.Option(*flags, envvar=f"MOCKTUNE_{name}", show_envvar=False, metavar=metavar, help=text, **rest)


def serve(
    host: Annotated[
        str, _option("Address to listen at. Other than loopback needs --admin-token.", "HOST", "ADDRESS")
    ] = DEFAULT_HOST,
    port: Annotated[
        int, _option("Port to listen at; 0 takes a free one.", "PORT", "PORT", min=0, max=65535)
    ] = DEFAULT_PORT,
    scenario: Annotated[
        str, _option("How files, jobs and models behave: quick, realistic.", "SCENARIO", "NAME")
    ] = "quick",
    set_: Annotated[
        list[str] | None,
        _option("Override a field of the scenario: model.absent_for=20s. Repeatable.", "SET", "KEY=VALUE", "--set"),
    ] = None,
    clock: Annotated[
        str, _option("Pace of time in a new sandbox: real, frozen or a factor such as x60.", "CLOCK", "PACE")
    ] = "real",
    seed: Annotated[int, _option("The same seed gives the same ids and losses.", "SEED", "NUMBER")] = 0,
    wire: Annotated[
        WireOption, _option("Values as recorded, or inside the official SDK's strict types.", "WIRE", "observed|sdk")
    ] = WireOption.observed,
    profile: Annotated[
        ProfileOption,
        _option(
            "All models alive, or those of November 2026 with its limits and refusals.", "PROFILE", "classic|today"
        ),
    ] = ProfileOption.classic,
    known_organization: Annotated[
        list[str] | None,
        _option("Organization that may still train under --profile today. Repeatable.", "KNOWN_ORGANIZATION", "ORG"),
    ] = None,
    loose: Annotated[
        bool,
        _option("Switch off rules of range, choice and state, as spec mocks do. Implies --wire sdk.", "LOOSE", ""),
    ] = False,
    state_file: Annotated[
        str, _option("JSON file with the objects every sandbox begins with.", "STATE_FILE", "FILE", show_default=False)
    ] = "",
    save_on_exit: Annotated[
        bool,
        _option("Write the state back to --state-file at the end; all keys share one sandbox.", "SAVE_ON_EXIT", ""),
    ] = False,
    stateless: Annotated[
        bool, _option("Answer every request from a fresh copy of the state; send nothing.", "STATELESS", "")
    ] = False,
    advance_on_poll: Annotated[
        str,
        _option(
            "Polls of what is unfinished move the clock: by a duration, or to its next change. Of new sandboxes.",
            "ADVANCE_ON_POLL",
            "DURATION|next",
            show_default=False,
        ),
    ] = "",
    inband: Annotated[
        bool, _option("Let the metadata of a job name its scenario (mocktune_scenario).", "INBAND", "")
    ] = True,
    admin_token: Annotated[
        str,
        _option(
            "Token of server-wide calls (mocktune sandboxes); drawn unless given.",
            "ADMIN_TOKEN",
            "TOKEN",
            show_default=False,
        ),
    ] = "",
    known_keys_only: Annotated[
        bool, _option("Refuse keys that nobody opened a sandbox for.", "KNOWN_KEYS_ONLY", "")
    ] = False,
    allowed_host: Annotated[
        list[str] | None, _option("Also answer under this host name. Repeatable.", "ALLOWED_HOST", "NAME")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, _option("Also answer pages of this origin. Repeatable.", "ALLOW_ORIGIN", "URL")
    ] = None,
    allow_webhook_host: Annotated[
        list[str] | None,
        _option(
            "Also send webhooks to this host; * is any. Without it, to this machine only. Repeatable.",
            "ALLOW_WEBHOOK_HOST",
            "NAME",
        ),
    ] = None,
    max_file_size: Annotated[str, _option("Limit of one upload: 512MB, 1GB.", "MAX_FILE_SIZE", "SIZE")] = "512MB",
    max_disk: Annotated[str, _option("Limit of all uploads together.", "MAX_DISK", "SIZE")] = "20GB",
    max_sandboxes: Annotated[
        int, _option("How many API keys may have a sandbox at once.", "MAX_SANDBOXES", "NUMBER", min=1)
    ] = 10_000,
    sandbox_ttl: Annotated[
        str, _option("A sandbox unused for this long is closed.", "SANDBOX_TTL", "DURATION")
    ] = "24h",
) -> None:
    """Run a server until Ctrl-C. One JSON object on stdout says that it is ready, and where.

    An option that is not given is taken from the environment (--max-disk from MOCKTUNE_MAX_DISK; repeatable ones with
    spaces in between), then from the table tool.mocktune in ./pyproject.toml (max-disk; repeatable ones as a list).
    """
    end_cleanly(exit_code_on_sigterm=0)
    loopback = is_loopback(host)
    if not loopback and not admin_token:
        fail(
            f"--host {host} can be reached from other machines, so the server needs a token that only you know: "
            "add --admin-token (or set MOCKTUNE_ADMIN_TOKEN), or keep to --host 127.0.0.1"
        )
    if save_on_exit and (stateless or not state_file):
        fail("--save-on-exit needs a --state-file to write to, and something to write: it does not go with --stateless")
    if known_keys_only and (stateless or save_on_exit):
        fail("--known-keys-only needs sandboxes that are kept apart: not with --stateless, and not with --save-on-exit")
    names = frozenset(each.lower() for each in allowed_host or ())
    if not loopback and host not in _WILDCARDS:
        names |= {host.strip("[]").lower()}  # an address that was asked for is one to answer under
    try:
        settings = Settings(
            scenario=starting_scenario(load_scenario(scenario), set_ or (), profile.value),
            clock=ClockMode.parse(clock),
            seed=seed,
            wire="sdk" if loose else wire.value,
            loose=loose,
            state=_state(state_file, create=save_on_exit),
            save_state_to=state_file if save_on_exit else "",
            stateless=stateless,
            profile=profile.value,
            known_organizations=frozenset(known_organization or ()),
            known_keys_only=known_keys_only,
            inband=inband,
            advance_on_poll=_poll_step(advance_on_poll),
            admin_token=admin_token or new_admin_token(),
            allowed_hosts=names,
            allowed_origins=frozenset(allow_origin or ()),
            allowed_webhook_hosts=frozenset(each.strip("[]").lower() for each in allow_webhook_host or ()),
            max_file_bytes=size_bytes(max_file_size),
            max_disk_bytes=size_bytes(max_disk),
            max_sandboxes=max_sandboxes,
            sandbox_ttl_s=parse_duration(sandbox_ttl) / SECOND,
        )
    except (ScenarioError, ClockError, SizeError, StateFileError) as error:
        fail(str(error))
    # Only now the slow imports: what was mistyped is told at once.
    with held():
        from mocktune.cli import foreground

        if settings.state is not None and (fault := foreground.fault_of_state(settings)):
            fail(f"{state_file}: {fault}")
    foreground.serve(settings, _listen(host.strip("[]"), port), announce)


def _poll_step(text: str) -> int | Literal["next"] | None:
    try:
        return "next" if text == "next" else parse_duration(text or "0s") or None
    except ClockError as error:
        raise ClockError(f"{error}, or 'next'") from error


class StateFileError(ValueError):
    """A state file that cannot be read."""


def _state(path: str, *, create: bool) -> State | None:
    """The state in a file; ``create`` makes one that is not there."""
    if not path:
        return None
    from mocktune.domain.state import StateError
    from mocktune.storage.state_files import load_state_file, open_state_file

    try:
        return (open_state_file if create else load_state_file)(Path(path))
    except StateError as error:
        raise StateFileError(str(error)) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens at ``host``."""
    import ipaddress

    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class SizeError(ValueError):
    """A size that cannot be read."""


def size_bytes(text: str) -> int:
    """``512MB``, ``1.5GB``, ``64KiB`` or plain bytes. A kilobyte has 1024 bytes, as in the API's limit of 512 MB."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise SizeError(f"'{text}' is no size: write it like '512MB', '1GB' or a number of bytes")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def _listen(host: str, port: int) -> socket.socket:
    from mocktune.server import bind

    try:
        return bind(host, port)
    except OSError as error:
        import errno

        if error.errno == errno.EADDRINUSE:
            fail(f"port {port} at {host} is in use; choose another one with --port, or --port 0 for a free one")
        fail(f"cannot listen at {host} port {port}: {error.strerror or error}")


def announce(settings: Settings, listening: socket.socket) -> None:
    """The ready line for programs on stdout, and how to go on for people on stderr."""
    root = reachable_root(listening)
    base_url = f"{root}/v1"
    ready = {
        "event": "ready",
        "root": root,
        "base_url": base_url,
        "admin_token": settings.admin_token,
        "pid": os.getpid(),
    }
    print(
        f"mocktune {__version__} plays the fine-tuning API at {root} "
        f"({_played(settings)}).\n"
        "\n"
        f"  export OPENAI_BASE_URL={base_url}\n"
        f"  export OPENAI_API_KEY=sk-anything      # any key works; {_whose_objects(settings)}\n"
        "\n"
        "Ctrl-C ends it.",
        file=sys.stderr,
        flush=True,
    )
    print(json.dumps(ready), flush=True)


def _played(settings: Settings) -> str:
    """What the server was started with, where it matters to whoever looks at the terminal."""
    told = [f"scenario {settings.scenario.name}", f"clock {settings.clock}", f"seed {settings.seed}"]
    if settings.profile != "classic":
        told.append(f"profile {settings.profile}")
    if settings.loose:
        told.append("loose")
    return ", ".join(told)


def _whose_objects(settings: Settings) -> str:
    if settings.stateless:
        return "nothing that a request does is kept"
    if settings.save_state_to:
        return f"all share one sandbox, written to {settings.save_state_to} at the end"
    return "each has a sandbox of its own"


def reachable_root(listening: socket.socket) -> str:
    """The server's URL; one that listens everywhere is named by its loopback address, which always answers."""
    from mocktune.server import root_url

    root = root_url(listening)
    return root.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
