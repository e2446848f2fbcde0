"""Where a command of the client goes: a mocktune server, or a service that may cost money.

A command is local unless ``--live`` says otherwise, and its first line always tells where it goes. Nothing but the
question whether it is a mocktune server is sent to one that was named without ``--live``, and that without a key.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import typer

from mocktune.cli.amounts import told_usd
from mocktune.cli.exits import NEGATIVE, fail

if TYPE_CHECKING:
    from openai import OpenAI

Kind: TypeAlias = Literal["started", "local", "live"]
Dialect: TypeAlias = Literal["openai", "azure"]

USUAL_URL = "http://127.0.0.1:4141/v1"
LIVE_URL = "https://api.openai.com/v1"
AZURE_API_VERSION = "2024-10-21"
LOCAL_KEY = "sk-mocktune"
"""Names the sandbox where ``OPENAI_API_KEY`` names none."""

SENT_BY_THE_SDK = ("OPENAI_CUSTOM_HEADERS", "AZURE_OPENAI_AD_TOKEN")
"""Variables whose values the SDK sends with every request."""

USUAL_TIMEOUT_S = 1.0
NAMED_TIMEOUT_S = 5.0
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

WHERE = "Where it goes, and what it may cost"
"""The part of the help that these options stand in."""

Live = Annotated[
    bool,
    typer.Option(
        "--live",
        rich_help_panel=WHERE,
        help="Go to a service that is not mocktune, and may cost money. Needs --max-cost.",
    ),
]
MaxCost = Annotated[
    float | None,
    typer.Option(
        "--max-cost",
        rich_help_panel=WHERE,
        metavar="USD",
        min=0,
        show_default=False,
        help="What may be spent at most, by the estimate.",
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        rich_help_panel=WHERE,
        metavar="URL",
        show_default=False,
        help="The server; OPENAI_BASE_URL or AZURE_OPENAI_ENDPOINT too.",
    ),
]
Scenario = Annotated[
    str | None,
    typer.Option(
        "--scenario",
        rich_help_panel=WHERE,
        metavar="NAME|FILE",
        show_default=False,
        help="What happens on a local server that is started for this command; quick unless given.",
    ),
]
Clock = Annotated[
    str | None,
    typer.Option(
        "--clock",
        rich_help_panel=WHERE,
        metavar="PACE",
        show_default=False,
        help="Pace of time on such a server: real, or a factor as x60.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON for programs: an object a line.")]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", rich_help_panel=WHERE, help="Say what would be done and what it would cost; send nothing."
    ),
]


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and how to speak with it.

    ``started``: a mocktune server of this command, or ``joined``: of another one that is running; ``local``: one that
    goes on; ``live``: anything else. ``base_url`` is what the SDK is given, with Azure's dialect and an ``api_version``
    its endpoint. ``asked`` is False in a dry run, where nobody knows whether a named server is a mocktune server.
    """

    kind: Kind
    base_url: str
    api_key: str = field(repr=False)
    dialect: Dialect = "openai"
    api_version: str | None = None
    max_cost_usd: float | None = None
    asked: bool = True
    joined: bool = False

    @property
    def root(self) -> str:
        """The server's URL without ``/v1``; of a mocktune server, its control plane is below."""
        return _root(self.base_url)

    def line(self) -> str:
        shown = _shown(self.base_url)
        if not self.asked and self.kind == "started":
            return "target: local, a mocktune server (dry run: nothing is sent)"
        if not self.asked:
            return f"target: {shown} (dry run: nothing is sent, and nobody is asked who answers there)"
        dialect = ", Azure's dialect" if self.dialect == "azure" else ""
        if self.joined:
            return "target: local, the mocktune server of another command that is running"
        if self.kind == "started":
            return "target: local, a mocktune server of this command"
        if self.kind == "local":
            return f"target: local, the mocktune server at {shown}{dialect}"
        return f"target: LIVE, {shown}{dialect}, at most {told_usd(self.max_cost_usd or 0)}"

    def document(self) -> dict[str, Any]:
        """The line for programs."""
        return {
            "event": "target",
            "kind": self.kind,
            "base_url": _shown(self.base_url),
            "dialect": self.dialect,
            "max_cost_usd": self.max_cost_usd,
        }

    def client(self, **options: Any) -> OpenAI:
        """A client of the official SDK, to be closed; ``options`` are passed on to it. Secrets of the environment that
        the SDK sends by itself are not sent to a local server."""
        if self.kind == "live":
            return self._client(options)
        with _without_secrets():
            return self._client(options)

    def _client(self, options: dict[str, Any]) -> OpenAI:
        import openai

        if self._is_loopback and "http_client" not in options:
            # No proxy and no netrc between this machine and itself, and no certificates that nothing reads.
            options["http_client"] = openai.DefaultHttpxClient(trust_env=False, verify=_verified(self.base_url))
        if self.api_version is not None:
            return openai.AzureOpenAI(
                azure_endpoint=self.base_url,
                api_key=self.api_key or None,  # a token of the environment may stand in for it
                api_version=self.api_version,
                **options,
            )
        return openai.OpenAI(base_url=self.base_url, api_key=self.api_key, **options)

    @property
    def _is_loopback(self) -> bool:
        return urlsplit(self.base_url).hostname in LOOPBACK


@contextmanager
def open_target(
    *,
    live: bool,
    max_cost: float | None,
    base_url: str | None,
    scenario: str | None = None,
    clock: str | None = None,
    json: bool = False,
    dry_run: bool = False,
) -> Iterator[Target]:
    """Where the command goes, told as the first line on stdout (``json``: as an object). Ends the command for what may
    not be.

    Without ``live``, in this order: the server that is named, which must be a mocktune server; the one that runs at
    127.0.0.1:4141; one that is started, and ends with the block. A ``scenario`` or a ``clock`` ask for the last.
    """
    if live and max_cost is None:
        fail("--live may cost money: say how much at most, with --max-cost USD (0 where nothing is to be paid)")
    if max_cost is not None and not isfinite(max_cost):
        fail("--max-cost is a number of US dollars")
    of_its_own = [f"--{name}" for name, value in (("scenario", scenario), ("clock", clock)) if value is not None]
    if of_its_own and (live or base_url):
        fail(f"{of_its_own[0]} is for a local server that is started for this command: not with --live or --base-url")
    named = None if of_its_own else _named(base_url)
    if live:
        found = _live(named, max_cost, needs_key=not dry_run)
    elif named is not None:
        found = _local(named, max_cost, asked=not dry_run)
    elif not of_its_own and not dry_run and _runs_at(USUAL_URL):
        found = Target("local", USUAL_URL, _local_key("openai"), max_cost_usd=max_cost)
    elif dry_run:
        found = Target("started", USUAL_URL, LOCAL_KEY, max_cost_usd=max_cost, asked=False)
    else:
        from mocktune.cli.kept_server import kept_server

        with kept_server(scenario, clock) as (url, joined):
            found = Target("started", url, LOCAL_KEY, max_cost_usd=max_cost, joined=joined)
            _tell(found, json=json)
            yield found
        return
    _tell(found, json=json)
    yield found


def _tell(target: Target, *, json: bool) -> None:
    if json:
        from json import dumps

        print(dumps(target.document()), flush=True)
    else:
        print(target.line(), flush=True)


# -- what is named -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Named:
    """A server that the command line or the environment names; ``by`` says which of them."""

    url: str
    by: str
    dialect: Dialect
    api_version: str | None


def _named(base_url: str | None) -> _Named | None:
    azure_only = os.environ.get("OPENAI_API_TYPE") == "azure"
    places = [
        ("--base-url", base_url),
        ("OPENAI_BASE_URL", None if azure_only else os.environ.get("OPENAI_BASE_URL")),
        ("AZURE_OPENAI_ENDPOINT", os.environ.get("AZURE_OPENAI_ENDPOINT")),
    ]
    for by, url in places:
        if url:
            return _read(url, by)
    return None


def _read(url: str, by: str) -> _Named:
    at = urlsplit(url)
    if at.scheme not in ("http", "https") or not at.hostname:
        fail(f"{by}: '{_shown(url)}' is no URL of a server: http://HOST:PORT/v1")
    url = url.rstrip("/")
    path = at.path.rstrip("/")
    if path.endswith("/openai/v1"):
        return _Named(url, by, "azure", None)  # its newer surface, which is spoken with like the original
    if by == "AZURE_OPENAI_ENDPOINT" or at.hostname.endswith((".azure.com", ".azure.us", ".azure.cn")):
        version = os.environ.get("OPENAI_API_VERSION") or AZURE_API_VERSION
        return _Named(url.removesuffix("/openai"), by, "azure", version)
    return _Named(url, by, "openai", None)


def _local(named: _Named, max_cost: float | None, *, asked: bool) -> Target:
    from mocktune.cli.health import is_mocktune

    url = named.url
    if asked:
        if _is_real(url):  # not even the question: the answer is known
            _refuse(named)
        try:
            if not is_mocktune(_root(url), NAMED_TIMEOUT_S):
                _refuse(named)
        except ValueError as error:
            fail(f"{named.by}: {error}")
        except OSError as error:
            fail(
                f"no server answers at {_shown(url)} ({named.by}): {error.strerror or error}. Start one with: mocktune "
                f"serve; or go without {named.by}",
                NEGATIVE,
            )
    if named.dialect == "openai" and not urlsplit(url).path.endswith("/v1"):
        url += "/v1"
    key = _local_key(named.dialect)
    return Target("local", url, key, named.dialect, named.api_version, max_cost, asked)


def _refuse(named: _Named) -> NoReturn:
    fail(
        f"{_shown(named.url)} ({named.by}) is no mocktune server, and may cost money. Either mean it, with --live "
        f"--max-cost USD, or go without {named.by}: a local server is used then, or started"
    )


def _live(named: _Named | None, max_cost: float | None, *, needs_key: bool) -> Target:
    named = named or _Named(LIVE_URL, "--live", "openai", None)
    names = ["AZURE_OPENAI_API_KEY", "OPENAI_API_KEY"] if named.dialect == "azure" else ["OPENAI_API_KEY"]
    key = next((os.environ[name] for name in names if os.environ.get(name)), "")
    if needs_key and not key and not (named.api_version is not None and os.environ.get("AZURE_OPENAI_AD_TOKEN")):
        fail(f"--live needs a key: set {names[0]}")
    return Target("live", named.url, key, named.dialect, named.api_version, max_cost)


def _runs_at(url: str) -> bool:
    from mocktune.cli.health import is_mocktune

    try:
        return is_mocktune(_root(url), USUAL_TIMEOUT_S)
    except OSError:
        return False


def _local_key(dialect: Dialect) -> str:
    """The key that names a sandbox; one that looks live is none of a local server's business."""
    names = ["AZURE_OPENAI_API_KEY", "OPENAI_API_KEY"] if dialect == "azure" else ["OPENAI_API_KEY"]
    given = (os.environ.get(name, "") for name in names)
    return next((key for key in given if key and not _looks_live(key)), LOCAL_KEY)


@contextmanager
def _without_secrets() -> Iterator[None]:
    hidden = {name: os.environ.pop(name) for name in SENT_BY_THE_SDK if name in os.environ}
    admin_key = os.environ.get("OPENAI_ADMIN_KEY", "")
    if _looks_live(admin_key):
        hidden["OPENAI_ADMIN_KEY"] = os.environ.pop("OPENAI_ADMIN_KEY")
    try:
        yield
    finally:
        os.environ.update(hidden)


def _looks_live(key: str) -> bool:
    return "T3BlbkFJ" in key or (len(key) > 80 and key.startswith(("sk-proj-", "sk-svcacct-", "sk-admin-")))


# -- URLs --------------------------------------------------------------------------------------------------------------


def _root(url: str) -> str:
    url = url.rstrip("/")
    for end in ("/openai/v1", "/v1", "/openai"):
        if url.endswith(end):
            return url.removesuffix(end)
    return url


def _shown(url: str) -> str:
    """Without the user and the query, which may hold secrets."""
    at = urlsplit(url)
    return urlunsplit((at.scheme, at.netloc.rpartition("@")[2], at.path, "", ""))


def _is_real(url: str) -> bool:
    from mocktune.testing.hosts import REAL_HOSTS

    host = (urlsplit(url).hostname or "").rstrip(".")
    return any(host == domain or host.endswith(f".{domain}") for domain in REAL_HOSTS)


def _verified(url: str) -> bool:
    return urlsplit(url).scheme == "https"
