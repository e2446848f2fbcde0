"""``docs/explanation/fidelity.md``, and the tables of ``docs/reference/errors.md``, written from the capabilities.

A test compares the files with what is written here; ``MOCKTUNE_UPDATE_GOLDENS=1 pytest mock_server/tests/test_docs.py``
rewrites them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from mocktune.domain.object_fields import CONTROL_OBJECTS
from mocktune.domain.sources import CONFIDENCES
from mocktune.http.capabilities import Json
from mocktune.http.markdown import code, paragraph, plain, row, table

_OF_THE_CONTROL_PLANE = frozenset(each.title for each in CONTROL_OBJECTS.values())
"""Its objects are all our own."""

_INTRODUCTION = """\
# Fidelity

What is played, where it knowingly differs from the real service, and what nobody recorded.

This page is written from the tables in the code; a running server tells the same as JSON at
[`GET /_mocktune/capabilities`](../reference/control-plane.md). Every entry names its source, and [sources](sources.md)
explains them. How sure a source makes something is one of six words:

| | |
|---|---|
| recorded | seen in a real answer that somebody recorded or pasted |
| spec | in the official description of the API |
| sdk | in the official SDKs |
| docs | written in a guide, or reported by a single third party |
| assumed | nobody knows; if you have a recording, it wins |
| mocktune | mocktune's own |
"""


def fidelity_page(of: Json) -> str:
    """The page, from ``capabilities()``."""
    sections = (
        [_INTRODUCTION],
        _endpoints(of),
        _statements("Known differences", "", of["differences"]),
        _statements("Assumed", "Behaviour that no recording shows. If you have one, it wins.", of["assumed"]),
        _dialects(of),
        _statements(
            "The Azure dialect",
            "Any path that begins with `/openai/` or `/subscriptions/` is spoken to in it. What it does otherwise, "
            "values of fields apart:",
            of["azure"],
        ),
        _profiles(of),
        _loose(of),
        _models(of),
        _limits(of),
        _events(of),
        _errors(of),
        _fields(of),
    )
    return "\n".join("\n".join(section).rstrip("\n") + "\n" for section in sections)


def error_tables(of: Json) -> dict[str, str]:
    """The tables of the page of errors, by the name of their place there."""
    return {"errors": "\n".join(_error_table(of)).rstrip("\n"), "defects": "\n".join(_defect_table(of))}


def _endpoints(of: Json) -> Iterator[str]:
    yield "## Endpoints\n"
    yield "All of these are played. The control plane is on a [page of its own](../reference/control-plane.md).\n"
    yield from table("endpoint", "in the SDK's words", "", "source", "")
    for prefixes in (("/v1/",), ("/openai/", "/subscriptions/")):
        for each in of["endpoints"]:
            if not each["path"].startswith(prefixes):
                continue
            endpoint = code(f"{each['method']} {each['path']}")
            yield row(endpoint, code(each["operation"]), each["note"], each["source"], each["confidence"])
    yield ""
    segments = ", ".join(code(path) for path in of["not_part_of_mocktune"])
    yield from paragraph(f"Not played, and answered with 404 and the code `not_part_of_mocktune`: {segments}.")


def _statements(title: str, about: str, statements: Iterable[Json]) -> Iterator[str]:
    yield f"## {title}\n"
    if about:
        yield from paragraph(about)
        yield ""
    for each in statements:
        source = "" if each["source"] in ("mocktune", "assumed") else f" ({each['source']})"
        yield from paragraph(f"- **{each['topic']}.** {each['text']}{source}", indent="  ")


def _dialects(of: Json) -> Iterator[str]:
    yield "## Where values differ by dialect\n"
    yield "`--wire observed` (default) answers with what was recorded, `--wire sdk` keeps every value inside the SDK's"
    yield "strict types. Who speaks the Azure dialect is answered in it, whatever `--wire` says.\n"
    yield from table("field", "`observed`", "`sdk`", "Azure")
    for title, each in of["fields"].items():
        for name, field in each["fields"].items():
            if field["sdk"] or field["azure"]:
                yield row(f"{title}: `{name}`", field["note"], field["sdk"], field["azure"])


def _profiles(of: Json) -> Iterator[str]:
    yield "## Profiles\n"
    for each in of["profiles"]:
        sets = ", ".join(code(change) for change in each["sets"])
        more = f" Sets {sets} in the scenario; a frozen clock starts at {each['clock_starts']}." if sets else ""
        yield from paragraph(f"- **{each['name']}.** {each['text']}{more} ({each['source']})", indent="  ")


def _loose(of: Json) -> Iterator[str]:
    yield "## What `--loose` switches off\n"
    yield "Types, required parameters, and objects that are not there stay errors. It implies `--wire sdk`.\n"
    yield from table("rule", "instead")
    for each in of["loose_rules"]:
        yield row(each["rule"], each["instead"])


def _models(of: Json) -> Iterator[str]:
    yield "## Models\n"
    yield "Prices are US dollars per million tokens; dates are the first day on which something is gone, under"
    yield "`--profile today`. Sources: PRICEDOC, BESTDOC, SFTDOC, SEED, LIMITS; dates DEPDOC.\n"
    yield from table(
        "model", "methods", "training context", "training", "input", "output", "gone", "tuned gone", "no training from"
    )
    for each in of["models"]:
        prices = each["prices"]
        training = (
            f"{prices['training']:g}" if prices["training"] is not None else f"{prices['training_hour']:g} an hour"
        )
        mark = " (assumed)" if prices["confidence"] == "assumed" else ""
        yield row(
            code(each["id"]),
            ", ".join(each["methods"]),
            f"{each['train_context']:,}",
            training + mark,
            f"{prices['input']:g}{mark}",
            f"{prices['output']:g}{mark}",
            *(
                each[end]["date"] + (" (assumed)" if each[end]["confidence"] == "assumed" else "")
                for end in ("shutdown", "tuned_shutdown", "training_end")
            ),
        )


def _limits(of: Json) -> Iterator[str]:
    yield "## Limits\n"
    yield "Of jobs, with `limits.caps=observed`:\n"
    yield from table("model", "jobs at once", "jobs a day", "source")
    for each in of["limits"]["jobs"]:
        yield row(code(each["model"]), each["max_pending_jobs"], each["max_jobs_per_day"], each["source"])
    yield ""
    yield "Bounds, always:\n"
    yield from table("of", "", "", "source")
    for each in of["limits"]["bounds"]:
        yield row(each["name"], f"{each['most']:,}", each["unit"], each["source"])


def _events(of: Json) -> Iterator[str]:
    yield "## Events\n"
    yield "A job's events in their order, and what its metric events say by method.\n"
    yield from table("event", "type", "level", "source", "")
    for each in of["events"]:
        kind = each["type"] if each["type"] == "message" else f"metrics, {each['name']}"
        yield row(code(each["message"]), kind, each["level"], each["source"], each["confidence"])


def _errors(of: Json) -> Iterator[str]:
    yield "## Errors\n"
    counted = Counter(each["confidence"] for each in of["errors"])
    numbers = ", ".join(f"{counted[each]} {each}" for each in CONFIDENCES if counted[each])
    yield from paragraph(
        f"{sum(counted.values())} kinds of errors are answered: {numbers}. [Errors](../reference/errors.md) has all "
        "of them with their words and sources. These texts are assumed:"
    )
    yield ""
    names = [each["name"] for each in of["errors"] if each["confidence"] == "assumed"]
    yield from paragraph(", ".join(code(name) for name in names) + ".")


def _fields(of: Json) -> Iterator[str]:
    yield "## Fields\n"
    yield "Of every object, by source; what is told of a field stands behind it."
    for title, each in of["fields"].items():
        lines = [] if title in _OF_THE_CONTROL_PLANE else list(_by_source(each["fields"]))
        if not lines:
            continue
        if not each["part_of"]:
            yield f"\n### {title[:1].upper()}{title[1:]}\n"
        part = f"*{title}*: " if each["part_of"] else ""
        for line in lines:
            yield from paragraph(f"- {part}{line}", indent="  ")


def _by_source(fields: Json) -> Iterator[str]:
    by_source: dict[tuple[str, str], list[str]] = {}
    for name, field in fields.items():
        told = f" ({field['note']})" if field["note"] else ""
        by_source.setdefault((field["source"], field["confidence"]), []).append(f"`{name}`{told}")
    for (source, confidence), names in by_source.items():
        yield f"{_sourced({'source': source, 'confidence': confidence})}: {', '.join(names)}"


def _error_table(of: Json) -> Iterator[str]:
    for resource, kinds in groupby(of["errors"], key=lambda each: each["name"].partition(".")[0]):
        yield f"### {resource.replace('_', ' ')}\n"
        yield from table("kind", "status", "code", "message", "source")
        for each in sorted(kinds, key=lambda each: each["status"]):
            name = each["name"].partition(".")[2]
            yield row(code(name), each["status"], code(each["code"]), code(plain(each["message"])), _sourced(each))
        yield ""


def _defect_table(of: Json) -> Iterator[str]:
    yield from table("defect", "`error.code`", "begins", "words")
    for each in of["defects"]:
        yield row(code(each["name"]), code(each["code"]), each["begins"], each["confidence"])


def _sourced(each: Json) -> str:
    source, confidence = each["source"], each["confidence"]
    return source if source == confidence else f"{source} ({confidence})"
