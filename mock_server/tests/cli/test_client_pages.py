"""The commands of the how-to pages on jobs, files, models and comparing, run as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from client_commands import MARV, MODEL, Desk, Ended, desk_at, serving

PAGES = Path(__file__).resolve().parents[3] / "docs" / "how-to"
CHANGES = ("pause", "resume", "cancel")


def commands(page: str) -> list[list[str]]:
    text = (PAGES / page).read_text("utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert all(line.startswith("mocktune ") for line in lines)
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.mark.parametrize("page", ["look-after-jobs.md", "compare-models.md"])
def test_every_command_of_a_page_does_what_it_says(page: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.jsonl").write_bytes(MARV)
    Path("held_out.jsonl").write_bytes(b"\n".join(MARV.splitlines()[:3]))
    Path("question.txt").write_text("What's the capital of France?")
    with serving() as server, desk_at(server, "sk-pages", monkeypatch, tmp_path) as desk:
        model = desk.model()
        done = desk.client.fine_tuning.jobs.list().data[0].id
        running = desk.job(until="running")
        found = commands(page)
        assert len(found) > 5
        for words in found:
            answered = run(desk, words, {"JOB": running if words[1] in CHANGES else done, "MODEL": model})
            assert answered.exit_code == 0, f"mocktune {shlex.join(words)}: {answered.stderr}"
            assert answered.lines  # behind that of the target
        if page == "look-after-jobs.md":
            assert desk.client.fine_tuning.jobs.retrieve(running).status == "cancelled"
            assert {"metrics.csv", "copy.jsonl"} <= {each.name for each in tmp_path.iterdir()}
        else:
            assert MODEL in Path("comparison.html").read_text()


def run(desk: Desk, words: list[str], values: dict[str, str]) -> Ended:
    """``<FILE`` is the shell's, and a ``$FILE`` is made for each command."""
    given = [Path(word[1:]).read_text() for word in words if word.startswith("<")]
    if "$FILE" in words:
        values["FILE"] = desk.client.files.create(file=("a.jsonl", MARV), purpose="fine-tune").id
    filled = [values[word[1:]] if word.startswith("$") else word for word in words if not word.startswith("<")]
    return desk(*filled, input="".join(given) or None)
