"""The pages say what the code does.

Python blocks of README and docs are executed, tables of the reference are compared with what they describe, links lead
somewhere, and the diagram of a job's life is the one the lifecycle table prints. The fidelity page, the tables of
errors and the page of the control plane are written from the code's own: ``MOCKTUNE_UPDATE_GOLDENS=1 pytest
mock_server/tests/test_docs.py`` rewrites them.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer.main
from openai import OpenAI
from scenario_page import scenario_page

import mocktune_client
from mocktune import RunningServer, make_settings, running_server
from mocktune.bootstrap import bootstrap
from mocktune.cli.app import app
from mocktune.cli.pyproject import KEYS
from mocktune.domain.clock import format_duration
from mocktune.domain.documents import Duration
from mocktune.domain.lifecycle import JobStatus, diagram
from mocktune.domain.models import BASE_MODELS
from mocktune.domain.scenario import Scenario
from mocktune.domain.sources import SOURCES
from mocktune.domain.state import FileState, JobState, ModelState, State, read_state
from mocktune.http.app import create_app
from mocktune.http.capabilities import capabilities
from mocktune.http.control_page import control_page, control_routes
from mocktune.http.errors import STATUS
from mocktune.http.fidelity_page import error_tables, fidelity_page
from mocktune.http.routes.description import written_out
from mocktune.http.verdict_page import verdict_page
from mocktune.service.state_kinds import KINDS as KINDS_OF_OBJECTS
from mocktune.storage.scenario_files import scenario_of, scenario_packs

pytest_plugins = ["pytester"]

PROJECT = Path(__file__).resolve().parents[2]
DOCS = PROJECT / "docs"
README = PROJECT / "README.md"
UPDATE = os.environ.get("MOCKTUNE_UPDATE_GOLDENS") == "1"
PAGES = sorted([*PROJECT.glob("*.md"), *DOCS.rglob("*.md")])

THE_TWO_COMMANDS = (
    "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/mocktune demo",
    "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/python -m pytest -q",
)

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMES_A_FILE = re.compile(r"# [\w./-]+\.py\n")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def page(path: Path) -> str:
    return path.read_text("utf-8")


def blocks(path: Path, language: str) -> list[str]:
    return [text for tag, text in _BLOCK.findall(page(path)) if tag == language]


def first_cells(path: Path) -> list[str]:
    """The first cell of every row of every table of a page."""
    rows = [line for line in page(path).splitlines() if line.startswith("| ")]
    return [row.split("|")[1].strip() for row in rows]


def row_of(path: Path, first: str) -> list[str]:
    """The cells after ``first`` of the one row that begins with it."""
    (row,) = [line for line in page(path).splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in row.strip("|").split("|")[1:]]


# -- what is to be run -------------------------------------------------------------------------------------------------


def test_readme_names_the_two_commands_word_for_word() -> None:
    lines = page(README).splitlines()
    assert [line for line in lines if line.startswith("python3 -m venv ")] == list(THE_TWO_COMMANDS)


def test_the_first_test_of_readme_passes(pytester: pytest.Pytester) -> None:
    """``train.py`` and ``test_train.py`` as they stand there, run by pytest itself.

    In a process of its own: in this one, pytester would take the modules of the SDK away again that were imported in
    between, and others hold on to.
    """
    for block in blocks(README, "python"):
        name = re.match(r"# (\w+\.py)\n", block)
        assert name, f"a Python block of README names no file:\n{block}"
        Path(name[1]).write_text(block, "utf-8")
    Path("train.jsonl").write_bytes(marv())
    pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider", "test_train.py").assert_outcomes(passed=2)


def test_the_client_library_of_readme_reads_a_whole_life(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, frozen: RunningServer
) -> None:
    """``tune.py``, with its sleeps turned into virtual time."""
    (code,) = [block for block in blocks(README, "python") if block.startswith("# tune.py\n")]
    tmp_path.joinpath("train.jsonl").write_bytes(marv())
    with control(frozen) as clock:
        sleep = partial(_advance_by, clock)
        monkeypatch.setattr(mocktune_client, "Tuner", partial(mocktune_client.Tuner, sleep=sleep, poll_s=60.0))
        namespace: dict[str, Any] = {}
        exec(compile(code, "tune.py", "exec"), namespace)
        rows = namespace["main"](tmp_path / "train.jsonl")
    assert len(rows) == 120  # 40 examples, 3 epochs, batches of one


@pytest.mark.parametrize(
    "path",
    [path for path in PAGES if path != README and blocks(path, "python")],
    ids=lambda path: path.relative_to(PROJECT).as_posix(),
)
def test_the_python_blocks_of_a_page_run_in_order(
    path: Path,
    frozen: RunningServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And print what the page's ``text`` blocks show: the same seed and key give it to every reader.

    A block that begins with a comment naming a file is that file; ``.ci/recipes.py`` runs those.
    """
    monkeypatch.chdir(tmp_path)
    code = [block for block in blocks(path, "python") if not _NAMES_A_FILE.match(block)]
    exec(compile("\n".join(code), str(path), "exec"), {})
    printed = capsys.readouterr().out
    for shown_output in blocks(path, "text"):
        assert shown_output in printed


@pytest.fixture(autouse=True)
def _clients_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the pages leave open: their reader's interpreter ends, this one goes on."""
    opened: list[OpenAI | httpx2.Client] = []
    for kind in (OpenAI, httpx2.Client):

        def init(self: Any, *args: Any, _init: Any = kind.__init__, **kwargs: Any) -> None:
            _init(self, *args, **kwargs)
            opened.append(self)

        monkeypatch.setattr(kind, "__init__", init)
    yield
    for client in opened:
        client.close()


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    """What the pages start with: ``realistic``, a frozen clock, and the two variables."""
    with running_server(make_settings("realistic", clock="frozen")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-tutorial")
        yield server


def control(server: RunningServer) -> httpx2.Client:
    return httpx2.Client(base_url=f"{server.root}/_mocktune/clock", headers={"authorization": "Bearer sk-tutorial"})


def _advance_by(clock: httpx2.Client, seconds: float) -> None:
    clock.post("/advance", json={"by": f"{seconds:.3f}s"}).raise_for_status()


def marv() -> bytes:
    return files("mocktune").joinpath("data", "marv.jsonl").read_bytes()


# -- what is compared --------------------------------------------------------------------------------------------------


def test_the_diagram_is_printed_from_the_lifecycle_table() -> None:
    lifecycle = DOCS / "explanation" / "lifecycle.md"
    assert blocks(lifecycle, "mermaid") == [diagram()]
    statuses = [f"`{status}`" for status in JobStatus]
    assert [cell for cell in first_cells(lifecycle) if cell in statuses] == statuses


def test_the_command_line_page_names_every_command_and_option_with_its_default() -> None:
    text = page(DOCS / "reference" / "cli.md")
    for name in commands():
        section = text.partition(f"## mocktune {name}\n")[2].partition("\n## ")[0]
        assert section, f"mocktune {name} has no section"
        told = set(re.findall(r"--[a-z][a-z-]*", re.sub(r"\]\([^)]*\)", "", section.partition("| option |")[2])))
        options = [each for each in options_of(name) if not each.hidden]
        flags = {flag for each in options for flag in (*each.opts, *each.secondary_opts) if flag.startswith("--")}
        assert told == flags - {"--help"}
        for option in options:
            if option.show_default and isinstance(option.default, str | int) and not isinstance(option.default, bool):
                assert f"`{option.default}`" in section, f"default of {option.opts}"
            if isinstance(option.default, bool) and option.secondary_opts == [f"--no-{option.opts[0][2:]}"]:
                (yes,), (no,) = option.opts, option.secondary_opts
                assert row_of(DOCS / "reference" / "cli.md", f"`{yes}`, `{no}`")[0] == (
                    "on" if option.default else "off"
                )


@cache
def commands() -> Mapping[str, Any]:
    commands: Mapping[str, Any] = typer.main.get_group(app).commands
    return commands


def options_of(command: str) -> list[Any]:
    """Of a command that is several, such as ``jobs``, those of all of them."""
    found = commands()[command]
    parts = [found, *getattr(found, "commands", {}).values()]
    return [each for part in parts for each in part.params if each.param_type_name == "option"]


def test_the_settings_page_names_the_variable_and_key_of_every_option_of_serve() -> None:
    path = DOCS / "reference" / "settings.md"
    options = {each.opts[0]: each for each in options_of("serve")}
    assert {f"--{key}" for key in KEYS} == set(options) - {"--help"}
    for key in KEYS:
        assert row_of(path, f"`--{key}`") == [f"`{options[f'--{key}'].envvar}`", f"`{key}`"]


# -- what is written from the code -------------------------------------------------------------------------------------


@cache
def played() -> Mapping[str, Any]:
    """The capabilities of this version, whatever settings a server has."""
    services = bootstrap(make_settings())
    try:
        app = create_app(services)
        app._table.load_all()
        return capabilities(app._app.openapi())  # type: ignore[attr-defined]  # FastAPI, typed as ASGI
    finally:
        services.close()


@cache
def described() -> dict[str, Any]:
    """The API's description, as ``/openapi.json`` has it."""
    services = bootstrap(make_settings())
    try:
        app = create_app(services)
        app._table.load_all()
        return written_out(app._app.openapi())  # type: ignore[attr-defined]  # FastAPI, typed as ASGI
    finally:
        services.close()


def routes() -> list[str]:
    return [f"{each['method']} {each['path']}" for each in played()["endpoints"]]


def same_or_rewritten(path: Path, expected: str) -> None:
    """``MOCKTUNE_UPDATE_GOLDENS=1`` rewrites the page; a diff is reviewed."""
    if UPDATE:
        path.write_text(expected, "utf-8")
    assert page(path) == expected, f"{path.name} is not what the code says; rewrite it with MOCKTUNE_UPDATE_GOLDENS=1"


def test_the_control_plane_page_is_written_from_the_routes() -> None:
    path = DOCS / "reference" / "control-plane.md"
    same_or_rewritten(path, control_page(described()))
    told = re.findall(r"^## (\w+ /_mocktune/\S+|\w+ /_mocktune)$", page(path), re.MULTILINE)
    assert sorted(told) == sorted(route for route in routes() if "/_mocktune/" in route)


def test_every_route_of_the_control_plane_says_what_it_is_for() -> None:
    silent = [title for title, operation in control_routes(described()) if not operation.get("description")]
    assert silent == []


def test_the_fidelity_page_is_written_from_the_tables() -> None:
    same_or_rewritten(DOCS / "explanation" / "fidelity.md", fidelity_page(dict(played())))


def test_the_fidelity_page_has_a_row_for_every_endpoint_of_the_api() -> None:
    cells = first_cells(DOCS / "explanation" / "fidelity.md")
    assert [cell.strip("`") for cell in cells if re.fullmatch(r"`\w+ /v1/\S+`", cell)] == [
        route for route in routes() if " /v1/" in route
    ]


def test_no_line_of_the_fidelity_page_begins_like_a_list_by_accident() -> None:
    """Its paragraphs are broken by a function, which knows no Markdown."""
    lines = page(DOCS / "explanation" / "fidelity.md").splitlines()
    assert [line for line in lines if re.match(r" +([-+*#>]|\d+[.)]) ", line)] == []


def test_the_tables_of_the_errors_page_are_written_from_the_kinds() -> None:
    path = DOCS / "reference" / "errors.md"
    expected = page(path)
    for name, table in error_tables(dict(played())).items():
        begins, ends = f"<!-- {name}: written from the code -->\n", f"<!-- end of {name} -->"
        before, _, rest = expected.partition(begins)
        expected = f"{before}{begins}\n{table}\n\n{ends}{rest.partition(ends)[2]}"
    same_or_rewritten(path, expected)


def test_the_page_of_the_verdict_is_written_from_the_findings() -> None:
    same_or_rewritten(DOCS / "reference" / "verdict.md", verdict_page())


# -- reference pages ---------------------------------------------------------------------------------------------------


def test_the_scenarios_page_names_every_field_with_its_default() -> None:
    path = DOCS / "reference" / "scenarios.md"
    defaults = {name: shown(value) for name, value in leaves(Scenario())}
    table = page(path).partition("## Fields")[2]
    told = dict(re.findall(r"^\| `([\w.]+)` \| [^|]+ \| ([^|]+) \|", table, re.MULTILINE))
    assert told == defaults


def test_the_packaged_scenarios_of_the_page_are_written_from_their_files() -> None:
    path = DOCS / "reference" / "scenarios.md"
    begins, ends = "<!-- scenarios: written from scenarios/*.toml -->\n", "<!-- end of scenarios -->"
    before, _, rest = page(path).partition(begins)
    same_or_rewritten(path, f"{before}{begins}\n{scenario_page()}\n\n{ends}{rest.partition(ends)[2]}")
    assert [line[4:] for line in page(path).splitlines() if line.startswith("### ")] == list(
        scenario_packs()[-1].scenarios
    )


def test_every_scenario_that_a_page_shows_can_be_read() -> None:
    documents = [block for path in PAGES for block in blocks(path, "toml") if "\n[tool." not in f"\n{block}"]
    assert any(block.startswith("# ours.toml") for block in documents)
    for block in documents:
        assert scenario_of("shown", tomllib.loads(block)).name == "shown"


def leaves(part: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(part):
        value, name = getattr(part, field.name), f"{prefix}{field.name}"
        if dataclasses.is_dataclass(value) and not isinstance(value, Duration):
            yield from leaves(value, f"{name}.")
        elif prefix:
            yield name, value


def shown(value: object) -> str:
    if isinstance(value, Duration):
        return f"`{format_duration(value.low)}`"
    return "null" if value is None else f"`{value}`"


def test_the_errors_page_gives_the_status_and_type_of_every_class() -> None:
    path = DOCS / "reference" / "errors.md"
    for error, status in STATUS.items():
        assert row_of(path, f"`{error.__name__}`") == [str(status), f"`{error.default_type}`"]


def test_the_state_page_names_every_field_of_the_schema() -> None:
    path = DOCS / "reference" / "state.md"
    for heading, struct in (
        ("The document", State),
        ("A file", FileState),
        ("A job", JobState),
        ("A model", ModelState),
    ):
        section = page(path).partition(f"## {heading}\n")[2].partition("\n## ")[0]
        told = [
            name
            for row in section.splitlines()
            if row.startswith("| `")
            for name in re.findall(r"`([$\w]+)`", row.split("|")[1])
        ]
        assert sorted(told) == sorted(struct.__struct_encode_fields__), heading
    kinds = re.search(r"saved state writes: (.*?)\. To get", page(path), re.DOTALL)
    assert kinds
    assert sorted(re.findall(r"`(\w+)`", kinds[1])) == sorted(KINDS_OF_OBJECTS)


def test_the_example_of_the_state_page_is_what_a_sandbox_begins_with() -> None:
    (example,) = blocks(DOCS / "reference" / "state.md", "json")
    with (
        running_server(make_settings("quick", clock="frozen", state=read_state(example.encode()))) as server,
        OpenAI(base_url=server.base_url, api_key="sk-example", max_retries=0) as client,
    ):
        jobs = {job.id: (job.status, job.metadata) for job in client.fine_tuning.jobs.list()}
        assert jobs == {"ftjob-1": ("failed", None), "ftjob-2": ("failed", {"run": "2"})}
        assert {file.id: file.status for file in client.files.list()} == {"file-1": "processed", "file-2": "error"}
        assert "gpt-5-nano-rehearsal" in [model.id for model in client.models.list()]


def test_every_source_is_explained_with_what_it_is_worth() -> None:
    path = DOCS / "explanation" / "sources.md"
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page(path).splitlines() if line[:2] == "| "
    ]
    told = {cells[0].removesuffix(" NUMBER"): cells[1] for cells in rows}
    assert {name: told.get(name) for name in SOURCES} == SOURCES


def test_every_source_that_comments_name_is_one_of_them() -> None:
    """Those that can be told from other words: ``…DOC``, clients with the number of an issue, what follows ``[OBS``."""
    form = re.compile(r"\b[A-Z]+DOC\b|\bopenai-[a-z]+\b(?= \d)|(?<=\[OBS )[A-Z][A-Z0-9]{3,}\b")
    named = set()
    for source in (PROJECT / "mock_server" / "mocktune").rglob("*.py"):
        named |= set(form.findall(page(source)))
    assert {"RFTDOC", "openai-java", "PINOLO"} <= named <= set(SOURCES)


def test_readme_counts_the_base_models() -> None:
    assert "twelve base models" in page(README)
    assert len(BASE_MODELS) == 12


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_every_link_leads_somewhere(path: Path) -> None:
    """Links to other sites are left alone; there are none to registries or to a machine's own paths."""
    text = _BLOCK.sub("", page(path))
    for target in _LINK.findall(text):
        if not target.startswith("http"):
            assert (path.parent / target.partition("#")[0]).exists(), target


def test_every_page_of_the_docs_is_linked_from_another_page() -> None:
    linked = {
        (path.parent / target.partition("#")[0]).resolve() for path in PAGES for target in _LINK.findall(page(path))
    }
    assert [path for path in DOCS.rglob("*.md") if path not in linked] == []


def test_mocktune_client_is_imported_as_readme_says() -> None:
    assert "Tuner" in importlib.import_module("mocktune_client").__all__
