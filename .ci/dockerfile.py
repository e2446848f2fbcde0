"""The Dockerfile as data: what `replay_dockerfile.py` carries out and the packaging tests compare with other files."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


@dataclass(slots=True)
class Stage:
    """One build stage. ``steps`` are its WORKDIR, COPY and RUN instructions in order; the rest describes its end."""

    name: str
    image: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "root"
    port: int | None = None
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    healthcheck_options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Copy:
    """A COPY: ``source_stage`` is None for the build context."""

    source_stage: str | None
    sources: list[str]
    target: str


def read_stages(path: Path) -> dict[str, Stage]:
    """The stages by name, in order. Raises ``ValueError`` for an instruction that nobody here carries out."""
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    for keyword, text in _instructions(path.read_text("utf-8")):
        if keyword not in KNOWN:
            raise ValueError(f"{keyword} is not among {sorted(KNOWN)}")
        if keyword == "FROM":
            image, _, name = text.partition(" AS ")
            stage = stages[name or str(len(stages))] = Stage(name or str(len(stages)), image)
            continue
        if stage is None:
            raise ValueError(f"{keyword} stands before the first FROM")
        _add(stage, keyword, text)
    return stages


def parse_copy(text: str) -> Copy:
    *sources, target = text.split()
    source_stage = None
    if sources[0].startswith("--from="):
        source_stage = sources.pop(0).removeprefix("--from=")
    return Copy(source_stage, sources, target)


def _add(stage: Stage, keyword: str, text: str) -> None:
    match keyword:
        case "WORKDIR":
            stage.workdir = text
            stage.steps.append((keyword, text))
        case "COPY" | "RUN":
            stage.steps.append((keyword, text))
        case "ENV":
            stage.environment |= dict(pair.split("=", 1) for pair in text.split())
        case "USER":
            stage.user = text
        case "EXPOSE":
            stage.port = int(text)
        case "ENTRYPOINT":
            stage.entrypoint = json.loads(text)
        case "CMD":
            stage.command = json.loads(text)
        case "HEALTHCHECK":
            options, command = text.split("CMD ", 1)
            stage.healthcheck_options = dict(option[2:].split("=", 1) for option in options.split())
            stage.healthcheck = json.loads(command)


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = []
    for line in joined.splitlines():
        if line.strip():
            keyword, _, rest = line.strip().partition(" ")
            found.append((keyword, rest.strip()))
    return found
