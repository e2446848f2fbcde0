"""``mocktune check``: what it says in each format, to people and to programs, and what it ends with."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import typer.main
from rich.console import Console

from mocktune.cli.app import app
from mocktune.cli.check import FormatOption, MethodOption, SeverityOption, check
from mocktune.cli.check_formats import MAX_TEXT, workflow_commands
from mocktune.cli.check_histograms import Bar, bars, line_of
from mocktune.cli.check_text import print_check
from mocktune.cli.check_verdict import Judged
from mocktune_client.dataset import check_dataset
from mocktune_client.dataset.report import DatasetReport

MINI = "gpt-4o-mini-2024-07-18"
NASTY = "<script>alert(1)</script>\x1b[31m\r\n::error::%, ##[error]"
"""What no output may obey."""
NASTY_KEY: dict[str, Any] = {NASTY: 1}

Checked = Callable[..., tuple[int, str]]


def chat(question: str, answer: str = "Yes.", **more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    return {"messages": [*messages, {"role": "assistant", "content": answer}], **more}


def good(count: int = 12) -> list[Any]:
    return [chat(f"What is {n}?", "It is " + "so " * n) for n in range(count)]


def write(path: Path, *examples: Any) -> Path:
    lines = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in examples]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


@pytest.fixture(autouse=True)
def _handlers_of_signals_are_put_back() -> Iterator[None]:
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    yield
    for number, handler in before:
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def checked(capfdbinary: pytest.CaptureFixture[bytes]) -> Checked:
    """The exit code, and what is printed on stdout; on stderr there is nothing."""

    def call(*files: Any, **options: Any) -> tuple[int, str]:
        paths: dict[str, Any] = dict(zip(("file", "valid"), map(str, files), strict=False))
        with pytest.raises(SystemExit) as ended:
            check(**paths, **options)
        out, err = capfdbinary.readouterr()
        assert err == b""
        assert isinstance(ended.value.code, int)
        return ended.value.code, out.decode()

    return call


@pytest.fixture
def refused(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., str]:
    """What is said on stderr of a command that cannot run like this."""

    def call(*files: Any, **options: Any) -> str:
        paths: dict[str, Any] = dict(zip(("file", "valid"), map(str, files), strict=False))
        with pytest.raises(SystemExit) as ended:
            check(**paths, **options)
        out, err = capfdbinary.readouterr()
        assert (ended.value.code, out) == (2, b"")
        return err.decode().removeprefix("mocktune: ").rstrip("\n")

    return call


@pytest.fixture
def bad() -> Path:
    """Eighteen errors and one warning, in lines that try to be more than text."""
    faulty = [chat(f"Faulty {n}?", id=n) for n in range(16)]
    nasty = chat("Nasty?", **NASTY_KEY)
    return write(Path("train.jsonl"), *good(), *faulty, nasty, b'{"messages": [}', chat("What is 3?", "Four."))


# -- exit codes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("examples", "options", "exit_code"),
    [
        (good(), {}, 0),
        ([*good(), chat("Extra?", id=1)], {}, 1),
        ([*good(), good()[0]], {}, 0),
        ([*good(), good()[0]], {"fail_on": SeverityOption.warning}, 1),
        (good(), {"max_cost": 1.0}, 0),
        (good(), {"max_cost": 0.0001}, 3),
        (good(), {"max_cost": 0.0, "model": MINI}, 3),
        ([*good(), chat("Extra?", id=1)], {"max_cost": 0.0001}, 1),
        (good(), {"model": "babbage-002"}, 1),
        (good(), {"model": f"{MINI}.ft-0123456789abcdef", "max_cost": 1.0}, 0),
    ],
    ids=[
        "ok",
        "error",
        "warning",
        "warning-counts",
        "within",
        "over",
        "free",
        "error-and-over",
        "other-model",
        "azure",
    ],
)
def test_the_exit_code_says_what_was_found(
    checked: Checked, examples: list[Any], options: dict[str, Any], exit_code: int
) -> None:
    path = write(Path("train.jsonl"), *examples)
    for format in FormatOption:
        code, out = checked(path, format=format, **options)
        assert code == exit_code, format
        assert out.strip()


def test_a_budget_is_not_known_to_be_kept_where_time_is_billed(checked: Checked) -> None:
    question = [{"role": "user", "content": "What?"}]
    path = write(Path("train.jsonl"), *({"messages": question, "answer": n} for n in range(12)))
    code, out = checked(path, model="o4-mini", max_cost=10_000.0)
    assert code == 3
    assert out.splitlines()[-1].endswith("o4-mini-2025-04-16 is billed by time, at $100.00 an hour")


def test_without_a_model_the_budget_is_for_the_first_one_that_takes_the_file(checked: Checked) -> None:
    path = write(Path("train.jsonl"), *({"prompt": f"What is {n}?", "completion": f" {n}"} for n in range(12)))
    code, out = checked(path, max_cost=0.0)
    assert (code, "babbage-002, more than $0.00" in out.splitlines()[-1]) == (3, True)


def test_what_cannot_be_checked_is_told(refused: Callable[..., str], tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", *good())
    assert refused("nowhere.jsonl") == "there is no file 'nowhere.jsonl'"
    assert refused(path, "nowhere.jsonl") == "there is no file 'nowhere.jsonl'"
    assert refused(tmp_path).endswith("is a folder")
    assert refused(path, model="gpt-4o-mni").endswith("did you mean 'gpt-4o-mini'?")
    assert refused(path, model="davinci-002", method=MethodOption.dpo).endswith("it is by supervised")
    assert refused(path, max_cost=float("nan")) == "--max-cost: an amount in US dollars"
    assert refused(path, out=str(tmp_path)).endswith("is a folder")
    assert refused(path, out=str(tmp_path / "no" / "report")).startswith("there is no folder for")
    assert refused(path, out=str(path)).endswith("would be written over what is read")
    assert path.stat().st_size > 0


# -- text --------------------------------------------------------------------------------------------------------------


def test_a_good_file_is_described_with_everything_the_notebook_tells(checked: Checked) -> None:
    path = write(Path("train.jsonl"), *good())
    code, out = checked(path, model=f"ft:{MINI}:org:suffix:abc", epochs=4)
    lines = out.splitlines()
    assert code == 0
    assert re.fullmatch(
        r"train\.jsonl  12 examples, chat, [\d.]+ kB, [\d,]+ tokens, \d+ of them learned", lines[0]
    )  # fmt: skip
    assert "  user       What is 0?" in lines
    table = {
        line.split("  ")[0].strip(): line.split()[-6:] for line in lines if re.match(r"(messages|tokens|assis)", line)
    }
    assert table["messages"] == ["3"] * 6
    assert [table["assistant tokens"][0], table["assistant tokens"][-1]] == ["3", "14"]
    assert " without a system message: 0" in lines
    assert " without a user message: 0" in lines
    assert f" too long for {MINI}, and cut: 0" in lines
    assert any(line.startswith("training  4 epochs; prices of 20") for line in lines)
    assert lines[-1] == f"ok: no findings; $0.0042 for {MINI}"


def test_prices_are_those_of_all_models_that_fit_the_asked_one_first(checked: Checked) -> None:
    path = write(Path("train.jsonl"), *good())
    _, out = checked(path, model="gpt-4.1-mini")
    rows = [line.split() for line in out.splitlines() if re.match(r"gpt-[34]", line)]
    assert rows[0][0] == "gpt-4.1-mini-2025-04-14"
    assert len(rows) == 9
    assert {row[-2] for row in rows if row[0] == "gpt-4-0613"} == {"ended"}
    assert ["(assumed)" in row for row in rows].count(True) == 1


def test_findings_are_told_by_rule_with_place_text_and_remedy(checked: Checked, bad: Path) -> None:
    code, out = checked(bad)
    assert code == 1
    lines = out.splitlines()
    begin = lines.index("error  extra_key  17 times")
    assert lines[begin + 1] == '  train.jsonl:13  Invalid file format. Example 13 contains an extra "id".'
    assert lines[begin + 2].startswith("      | ")
    assert '"id": 0}' in lines[begin + 2]
    assert lines[begin + 11] == "  12 more, at lines 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29"
    assert lines[begin + 12].startswith("  → ")
    assert "error  not_json" in lines
    assert "warning  conflicting_answers" in lines
    assert "The service tells the first alone, when it fails the job:" in lines
    assert lines[-1].startswith("not ok: 18 errors and 1 warning")


def test_findings_that_were_not_kept_are_counted_in_every_format(checked: Checked) -> None:
    path = write(Path("train.jsonl"), *(chat(f"What is {n}?", id=n) for n in range(1005)))
    told = {format: checked(path, format=format)[1] for format in FormatOption}
    assert "\nerror  extra_key  1,005 times\n" in told[FormatOption.text]
    assert "\n  1,000 more, at lines 6, 7, " in told[FormatOption.text]
    assert json.loads(told[FormatOption.json])["training"]["counts"] == {"extra_key": 1005}
    assert "\n5 more\n" in told[FormatOption.junit]
    assert "and 905 that are not listed here" in told[FormatOption.html]
    assert "\nnot ok: 1,005 errors" in told[FormatOption.github]


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_no_line_is_wider_than_the_terminal_and_no_text_is_obeyed(bad: Path, columns: int) -> None:
    rows = [*bad.read_bytes().splitlines(), json.dumps(chat(NASTY, NASTY * 20, **NASTY_KEY)).encode()]
    judged = Judged(check_dataset(write(Path("v.jsonl"), rows[-1], *rows), validation=bad), "error", None, None)
    console = Console(file=io.StringIO(), force_terminal=True, width=columns, color_system=None, highlight=False)
    print_check(console, judged)
    written: str = console.file.getvalue()  # type: ignore[attr-defined]
    lines = written.splitlines()
    # A table of figures has a width below which it says nothing.
    assert max(map(len, lines)) <= max(columns, 80)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", written)


def test_the_report_pipes_cleanly(tmp_path: Path, bad: Path) -> None:
    """Whole lines in ASCII where the locale has no more, and no bar of progress on stderr."""
    piped = subprocess.run(
        [sys.executable, "-m", "mocktune", "check", str(bad), "--max-cost", "0.0"],
        env={**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "COLUMNS": "40"},
        capture_output=True,
        timeout=60,
    )
    assert (piped.returncode, piped.stderr) == (1, b"")
    assert b"\x1b" not in piped.stdout
    assert piped.stdout.isascii()
    assert b'train.jsonl:13  Invalid file format. Example 13 contains an extra "id".\n' in piped.stdout
    assert b"  -> " in piped.stdout
    assert re.search(rb"\n +\d+-\d+  #+ \d+\n", piped.stdout)


def test_a_report_goes_to_a_file_and_the_text_to_the_terminal(checked: Checked, bad: Path) -> None:
    code, out = checked(bad, format=FormatOption.junit, out="report.xml")
    assert code == 1
    assert ElementTree.parse("report.xml").getroot().tag == "testsuites"
    assert out.splitlines()[-1].startswith("not ok: 18 errors")


@pytest.mark.parametrize(
    ("example", "texts"),
    [
        ({"prompt": "p", "completion": "c"}, ["  prompt      p", "  completion  c"]),
        (
            {
                "input": {"messages": [{"role": "user", "content": "q"}]},
                "preferred_output": [{"role": "assistant", "content": "good"}],
                "non_preferred_output": [{"role": "assistant", "content": "bad"}],
            },
            ["  user           q", "  preferred      good", "  non-preferred  bad"],
        ),
        ({"messages": [{"role": "user", "content": "q"}], "answer": 7}, ["  user    q", "  answer  7"]),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "t"}]}, 7, {"role": 1}]},
            ['  user  [{"type": "text", "text": "t"}]', "  ?     7", '  1     {"role": null}'],
        ),
        ({"text": "what?"}, ["  text  what?"]),
        ({"messages": "none", "input": 3}, ["  messages  none", "  input     3"]),
        ({"messages": [{"role": "user", "content": str(n)} for n in range(11)]}, ["  …     3 more messages"]),
    ],
    ids=["completion", "preference", "reinforcement", "odd-messages", "unknown", "no-messages", "many-messages"],
)
def test_the_first_example_is_shown_whatever_it_is(checked: Checked, example: Any, texts: list[str]) -> None:
    _, out = checked(write(Path("train.jsonl"), *[example] * 10))
    lines = out.splitlines()
    begin = lines.index("first example")
    shown = lines[begin + 1 : lines.index("", begin)]
    assert shown[-len(texts) :] == texts


# -- histograms --------------------------------------------------------------------------------------------------------


def test_bars_are_few_and_lose_no_example() -> None:
    buckets = tuple((5 * n, 5 * n + 4, n % 3 + 1) for n in range(19))
    drawn = bars(buckets)
    assert len(drawn) == 10
    assert sum(bar.count for bar in drawn) == sum(count for _, _, count in buckets)
    assert [drawn[0].label, drawn[-1].label] == ["0-9", "90-94"]
    assert [bar.low for bar in drawn[1:]] == [bar.high + 1 for bar in drawn[:-1] if bar.high is not None]


def test_a_long_gap_is_one_row_and_a_short_one_is_shown() -> None:
    counts = [3, 0, 0, 4, 0, 0, 0, 1]
    drawn = bars(tuple((n, n, count) for n, count in enumerate(counts)))
    assert [bar.label for bar in drawn] == ["0", "1", "2", "3", "⋮", "7"]
    assert drawn[4] == Bar(None, None, 0)


def test_the_length_of_a_bar_is_its_share_and_one_example_can_be_seen() -> None:
    assert line_of(50, 100, 10, blocks=True) == "█████"
    assert line_of(45, 100, 10, blocks=True) == "████▌"
    assert line_of(1, 1_000_000, 10, blocks=True) == "▏"
    assert line_of(1, 1_000_000, 10, blocks=False) == "#"
    assert line_of(50, 100, 10, blocks=False) == "#####"
    assert line_of(0, 100, 10, blocks=True) == ""


# -- JSON --------------------------------------------------------------------------------------------------------------


def test_json_has_all_of_the_report_under_its_own_names(checked: Checked, bad: Path) -> None:
    valid = write(Path("valid.jsonl"), chat("What is 3?", "It is so so so "))
    code, out = checked(bad, valid, format=FormatOption.json, model="gpt-4o-mini", max_cost=0.5)
    told = json.loads(out)
    report = check_dataset("train.jsonl", validation="valid.jsonl", model="gpt-4o-mini")
    assert (code, told["ok"], told["exit_code"], told["errors"], told["warnings"]) == (1, False, 1, 18, report.warnings)
    assert told["price"] == told["prices"][0]
    assert told["price"]["model"] == MINI
    assert (told["max_cost_usd"], told["over_budget"], told["priced_on"]) == (0.5, False, report.priced_on)
    training, validation = told["training"], told["validation"]
    assert [each["line"] for each in training["findings"]] == [each.line for each in report.training.findings]
    assert training["counts"] == dict(report.training.counts)
    assert training["statistics"]["sha256"] == sha256(bad.read_bytes()).hexdigest()
    assert training["statistics"]["first_example"] == good(1)[0]
    assert validation["findings"][0]["other"]["path"] == "train.jsonl"
    assert isinstance(validation["findings"][0]["other"]["line"], int)


def test_json_can_be_read_whatever_the_file_is_called_and_however_long_its_first_example(checked: Checked) -> None:
    name = os.fsdecode(b"tr\xff\xc3\xa4.jsonl")
    write(Path(name), chat("long " * 100_000), *good())
    code, out = checked(name, format=FormatOption.json)
    told = json.loads(out)
    assert (code, told["training"]["path"]) == (0, name)
    assert len(told["training"]["statistics"]["first_example"]["messages"][1]["content"]) == MAX_TEXT + 1
    for format in FormatOption:
        assert checked(name, format=format)[0] == 0


# -- JUnit -------------------------------------------------------------------------------------------------------------


def junit(text: str) -> ElementTree.Element:
    root = ElementTree.fromstring(text)
    check_against_the_usual_schema(root)
    return root


def check_against_the_usual_schema(root: ElementTree.Element) -> None:
    """That of Jenkins' xunit plugin (junit-10.xsd), as far as it goes: elements, their order, and their attributes."""
    allowed: dict[str, tuple[set[str], set[str], set[str]]] = {
        "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
        "testsuite": (
            {"name", "tests", "failures", "errors"}, {"time", "skipped", "timestamp", "hostname", "id", "package"},
            {"properties", "testcase", "system-out", "system-err"},
        ),
        "properties": (set(), set(), {"property"}),
        "property": ({"name", "value"}, set(), set()),
        "testcase": ({"name"}, {"time", "classname"}, {"skipped", "error", "failure", "system-out", "system-err"}),
        "failure": (set(), {"type", "message"}, set()),
        "system-out": (set(), set(), set()),
    }  # fmt: skip
    for element in root.iter():
        required, optional, children = allowed[element.tag]
        assert required <= set(element.keys()) <= required | optional, element.tag
        assert {child.tag for child in element} <= children


def test_junit_has_a_suite_for_each_file_and_a_case_for_each_rule(checked: Checked, bad: Path) -> None:
    valid = write(Path("valid.jsonl"), *good(3))
    code, out = checked(bad, valid, format=FormatOption.junit, max_cost=0.0001)
    root = junit(out)
    assert code == 1
    assert [suite.get("name") for suite in root] == ["train.jsonl", "valid.jsonl", "cost"]
    failed = {case.get("name"): case.find("failure") for case in root.iter("testcase") if len(case.findall("failure"))}
    assert list(failed) == ["extra_key", "not_json", "at most $0.0001"]
    text = failed["extra_key"].text or ""  # type: ignore[union-attr]
    assert 'train.jsonl:13: error: Invalid file format. Example 13 contains an extra "id".\n' in text
    assert (root.get("tests"), root.get("failures")) == (str(len([*root.iter("testcase")])), "3")
    assert [suite.get("failures") for suite in root] == ["2", "0", "1"]
    warned = [case.get("name") for case in root[1].iter("testcase") if case.find("system-out") is not None]
    assert warned == ["every line was read", "in_both_files"]


def test_warnings_that_count_are_failures_in_junit(checked: Checked) -> None:
    path = write(Path("train.jsonl"), *good(), good()[0])
    _, out = checked(path, format=FormatOption.junit, fail_on=SeverityOption.warning)
    (failure,) = junit(out).iter("failure")
    assert failure.get("type") == "warning"


# -- GitHub ------------------------------------------------------------------------------------------------------------


def commands(text: str) -> Iterator[tuple[str, dict[str, str], str]]:
    """What GitHub's runner makes of a log: a command is a line that begins with two colons, or has ``##[`` anywhere,
    unless commands are stopped."""
    stopped_by = None
    for line in text.split("\n"):
        found = re.match(r"::([\w-]+)(?: ([^\n]*?))?::(.*)", line.lstrip())
        if stopped_by is not None:
            if line == f"::{stopped_by}::":
                stopped_by = None
            continue
        if not found:
            assert "##[" not in line
            continue
        name, properties, data = found[1], found[2] or "", found[3]
        if name == "stop-commands":
            stopped_by = data
            continue
        pairs = (each.split("=", 1) for each in properties.split(",") if each)
        yield name, {key: unescaped(value, in_property=True) for key, value in pairs}, unescaped(data)
    assert stopped_by is None


def unescaped(text: str, *, in_property: bool = False) -> str:
    if in_property:
        text = text.replace("%3A", ":").replace("%2C", ",")
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def test_github_gets_ten_annotations_of_each_severity_and_the_rest_as_a_log(checked: Checked, bad: Path) -> None:
    _, out = checked(bad, format=FormatOption.github)
    told = [*commands(out)]
    assert [name for name, _, _ in told] == ["error"] * 10 + ["warning", "group", "endgroup"]
    _, properties, data = told[0]
    assert properties == {"file": "train.jsonl", "line": "13", "title": "extra_key"}
    assert data.startswith('Invalid file format. Example 13 contains an extra "id".\n| ')
    assert told[-2][2] == "8 more"
    assert "\nnot ok: 18 errors and 1 warning" in out


def test_nothing_in_a_file_or_its_name_is_a_command(checked: Checked) -> None:
    folder = Path("a,b:%0A")
    folder.mkdir()
    path = write(folder / "::error::,x=1.jsonl", *(chat("x", **NASTY_KEY) for n in range(30)),
                 *(chat(NASTY, str(n)) for n in range(30)))  # fmt: skip
    _, out = checked(path, format=FormatOption.github, max_cost=0.0)
    told = [*commands(out)]
    assert [name for name, _, _ in told] == ["error"] * 10 + ["warning"] * 10 + ["group", "endgroup"]
    assert told[0][1] == {"title": "over budget"}
    assert {properties["file"] for _, properties, _ in told[1:20]} == {str(path)}
    assert all(properties.keys() == {"file", "line", "title"} for _, properties, _ in told[1:20])


def test_a_budget_that_is_not_kept_is_an_annotation(checked: Checked) -> None:
    _, out = checked(write(Path("train.jsonl"), *good()), format=FormatOption.github, max_cost=0.0)
    ((name, properties, data),) = commands(out)
    assert (name, properties) == ("error", {"title": "over budget"})
    assert MINI in data


def test_paths_of_annotations_begin_at_the_root_of_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path = write(tmp_path / "data" / "train.jsonl", *good(3))
    judged = Judged(check_dataset(path), "error", None, None)
    for workspace, shown in (
        (str(tmp_path), "data/train.jsonl"),
        (str(tmp_path / "other"), str(path)),
        (None, str(path)),
    ):
        ((_, properties, _),) = commands(workflow_commands(judged, workspace))
        assert properties["file"] == shown


# -- HTML --------------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Which elements there are, with which attributes, and what is written."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_has_all_of_it_and_nothing_that_runs_or_is_loaded(checked: Checked, bad: Path) -> None:
    code, out = checked(bad, bad, format=FormatOption.html, model="gpt-4o-mini")
    page = Page(out)
    assert code == 1
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert not [name for name, value in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert page.tags.count("svg") == 4  # messages are three in every example of both files
    assert page.tags.count("details") == 3  # more than ten: extra keys in both, and what is in both
    text = "".join(page.text)
    assert "not ok: 36 errors" in text
    assert 'Example 29 contains an extra "<script>alert(1)</script>' in text
    assert MINI in text
    assert "What is 0?" in text


# -- the whole of it -----------------------------------------------------------------------------------------------


def test_the_packaged_dataset_is_good(checked: Checked) -> None:
    code, out = checked(files("mocktune") / "data" / "marv.jsonl", fail_on=SeverityOption.warning)
    assert (code, out.splitlines()[-1].partition(";")[0]) == (0, "ok: no findings")


def test_the_how_to_shows_what_the_commands_print(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its console blocks, in their order, over the files that it shows."""
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "check-a-dataset.md").read_text("utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    named = {"json": "train.jsonl", "csv": "faq.csv"}
    for language, text in blocks:
        if language in named:
            Path(named[language]).write_text(text, "utf-8")
    command = typer.main.get_command(app)
    monkeypatch.setenv("COLUMNS", "80")
    shown = [text for language, text in blocks if language == "console"]
    assert len(shown) == 3
    for text in shown:
        line, _, output = text.partition("\n")
        with suppress(SystemExit):
            command(shlex.split(line.removeprefix("$ mocktune ")), standalone_mode=False)
        out, err = capfd.readouterr()
        assert (out, err) == (output, "")


def test_a_report_says_nothing_of_files_that_are_not_there() -> None:
    report: DatasetReport = check_dataset(write(Path("train.jsonl"), *good()))
    judged = Judged(report, "error", None, None)
    assert judged.files == (report.training,)
