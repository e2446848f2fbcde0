"""The packaged part of ``docs/reference/scenarios.md``, written from the scenarios' own files."""

from __future__ import annotations

import re
from importlib.resources import files
from textwrap import fill

from mocktune.domain.clock import format_duration
from mocktune.domain.scenario import Scenario
from mocktune.storage.scenario_files import packaged_scenario, packs_of, parent_scenario, scenario_packs

WIDTH = 140
"""Of a paragraph, as on the other pages."""

_EXPECTED = {"recover": "succeeds all the same", "give_up": "fails promptly and says why"}


def scenario_page() -> str:
    """A table for each pack, then a section for each scenario, in the order of the pack ``all``."""
    tables = [_table(pack.name, pack.summary, pack.scenarios) for pack in scenario_packs()[:-1]]
    everything = scenario_packs()[-1]
    named = {name for pack in scenario_packs()[:-1] for name in pack.scenarios}
    rest = tuple(name for name in everything.scenarios if name not in named)
    tables.append(_table("all", f"{len(everything.scenarios)} scenarios: those above, and", rest))
    return "\n\n".join([*tables, *map(_section, everything.scenarios)])


def _table(name: str, summary: str, scenarios: tuple[str, ...]) -> str:
    rows = [f"| [`{each}`](#{each}) | {packaged_scenario(each).summary} |" for each in scenarios]
    return "\n".join([f"Pack `{name}`, {summary}:", "", "| name | summary |", "|---|---|", *rows])


def _section(name: str) -> str:
    scenario = packaged_scenario(name)
    packs = [f"`{pack}`" for pack in packs_of(name) if pack != "all"]
    told = f"{scenario.summary}.{' In ' + ' and '.join(packs) + '.' if packs else ''}"
    catches = f"Catches a{_marked(scenario.catches[1:])} {_expected(scenario)}"
    return "\n".join([f"### {name}", "", _broken(told), "", _broken(catches), "", f"```toml{_document(name)}\n```"])


def _expected(scenario: Scenario) -> str:
    within = scenario.expect.within
    limit = f" within {format_duration(within.low)} of virtual time" if within else ""
    allowed = f" What does not count: {', '.join(scenario.expect.allow)}." if scenario.expect.allow else ""
    return f"A good client {_EXPECTED[scenario.expect.outcome]}{limit}.{allowed}"


def _marked(text: str) -> str:
    """Names of the API as code, and nothing that Markdown would take for something else."""
    return re.sub(r"(?<![`\w/])(/?[a-z]+(?:[_/][a-z0-9_]+)+(?:\[\d\])?)(?![`\w])", r"`\1`", text)


def _broken(text: str) -> str:
    return fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _document(name: str) -> str:
    """The file without what is told above it."""
    text = (files("mocktune") / "scenarios" / f"{name}.toml").read_text("utf-8")
    parent = parent_scenario(name)
    head = f'\nextends = "{parent.name}"\n' if parent else ""
    body = text[text.index("\n[") :].rpartition("\n[expect]")[0]
    return f"{head}{body.rstrip()}"
