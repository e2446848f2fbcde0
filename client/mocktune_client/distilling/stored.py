"""Stored completions, read page by page, with the messages that each of them answered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mocktune_client.distilling.batches import patiently_all, patiently_one
from mocktune_client.distilling.dataset import Dataset
from mocktune_client.distilling.examples import LeftOut, example_of
from mocktune_client.distilling.telling import Collected
from mocktune_client.errors import TuningError
from mocktune_client.steps import Emit, Steps
from mocktune_client.waiting import Timing

if TYPE_CHECKING:
    from openai import OpenAI

Json = Mapping[str, Any]

AT_ONCE = 8
"""Requests under way at the same time."""
_PAGE_SIZE = 100
_MAX_MESSAGE_PAGES = 100

_SNAPSHOT = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{4})$")


NO_LIST = frozenset({404, 405, 501})
"""What a service answers that has no list of stored completions."""


class StoresNothing(TuningError):
    """The service has no list of stored completions."""

    def __str__(self) -> str:
        return (
            "This service has no list of stored completions (on Azure: look at the api-version). Ask the model "
            "instead: answers to prompts make a dataset as well."
        )


@dataclass(frozen=True, slots=True)
class Selection:
    """Which stored completions: those of ``model`` (a name without a date stands for each of its snapshots), whose
    metadata has all of ``metadata``, made in ``since`` <= created < ``until`` (seconds of Unix time); at most the
    ``newest`` of them.
    """

    model: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    since: float | None = None
    until: float | None = None
    newest: int | None = None

    def takes(self, completion: Json) -> bool:
        """Asked of each, whatever the service was asked for: some list more than they were asked for."""
        created = completion.get("created") or 0
        metadata = completion.get("metadata") or {}
        return (
            (self.model is None or is_model(self.model, str(completion.get("model"))))
            and self.metadata.items() <= metadata.items()
            and (self.since is None or created >= self.since)
            and (self.until is None or created < self.until)
        )

    def is_past(self, completion: Json) -> bool:
        """Whether the list, newest first, has come to those before ``since``."""
        return self.since is not None and (completion.get("created") or 0) < self.since

    def query(self) -> dict[str, Any]:
        query: dict[str, Any] = {}
        if self.metadata:
            query["metadata"] = dict(self.metadata)
        if self.model is not None and not _is_alias(self.model):
            query["model"] = self.model
        return query


def is_model(asked: str, answered: str) -> bool:
    """Whether ``answered`` is the model that ``asked`` names, or a snapshot of it."""
    return answered == asked or (_is_alias(asked) and _SNAPSHOT.sub("", answered) == asked)


def _is_alias(model: str) -> bool:
    # A completion shows the snapshot that answered, whatever name was asked for.
    return not model.startswith("ft:") and not _SNAPSHOT.search(model)


def walk(
    selection: Selection, timing: Timing, take: Callable[[Sequence[Json]], Steps[bool]], *, page_size: int = _PAGE_SIZE
) -> Steps[None]:
    """Hands the selected completions to ``take``, a page at a time, newest first, until it answers True."""
    seen: set[str] = set()
    cursor: dict[str, Any] = {}
    left = selection.newest

    while left is None or left > 0:
        asked = {"limit": page_size, "order": "desc", **selection.query(), **cursor}
        page = yield from patiently_one(_ask_for_page(asked), "stored completions", timing)
        listed = [each.to_dict() for each in page.data or ()]
        fresh = [each for each in listed if each.get("id") and each["id"] not in seen]
        seen |= {each["id"] for each in fresh}
        chosen = [each for each in fresh if selection.takes(each)][:left]
        if left is not None:
            left -= len(chosen)
        if (yield from take(chosen)):
            return
        # A page without anything fresh ends the walk too: that server does not understand ``after``.
        if getattr(page, "has_more", None) is not True or not fresh or any(map(selection.is_past, fresh)):
            return
        cursor = {"after": listed[-1]["id"]}


def _ask_for_page(asked: Mapping[str, Any]) -> Callable[[OpenAI], Any]:
    return lambda client: client.chat.completions.list(**asked)


def collect(
    selection: Selection, dataset: Dataset, timing: Timing, *, system: str | None, page_size: int = _PAGE_SIZE
) -> Steps[None]:
    """Puts the selected completions into ``dataset``."""

    def take(completions: Sequence[Json]) -> Steps[bool]:
        for start in range(0, len(completions), AT_ONCE):
            some = completions[start : start + AT_ONCE]
            # One that cannot become an example anyway is not worth a request.
            hopeless = {each["id"]: why for each in some if (why := _hopeless(each))}
            asked = yield from _messages_of([each for each in some if each["id"] not in hopeless], timing)
            for each in some:
                id = each["id"]
                try:
                    if id in hopeless:
                        raise hopeless[id]
                    if isinstance(messages := asked[id], LeftOut):
                        raise messages
                    example = example_of(each, messages, system=system)
                except LeftOut as why:
                    dataset.leave_out(id, why)
                else:
                    dataset.add(example, model=str(each.get("model")), created=each.get("created") or 0)
            yield Emit(Collected(dataset.seen, dataset.examples))
        return dataset.is_full

    import openai

    try:
        yield from walk(selection, timing, take, page_size=page_size)
    except openai.APIStatusError as error:
        if error.status_code in NO_LIST:
            raise StoresNothing from error
        raise


def _hopeless(completion: Json) -> LeftOut | None:
    try:
        example_of(completion, [{"role": "user", "content": "?"}])
    except LeftOut as why:
        return why
    return None


def _messages_of(completions: Sequence[Json], timing: Timing) -> Steps[dict[str, list[Json] | LeftOut]]:
    """By its id, the messages that each completion answered, or why it has to be left out."""
    messages: dict[str, list[Json] | LeftOut] = {}
    after: dict[str, dict[str, Any]] = {}  # of those whose messages are not all there, where to go on
    for each in completions:
        listed = each.get("input_messages")  # some services list them with the completion
        messages[each["id"]] = list(listed) if isinstance(listed, list) else []
        if not isinstance(listed, list):
            after[each["id"]] = {}
    for _ in range(_MAX_MESSAGE_PAGES):
        if not after:
            break
        asked = [_ask_for_messages(id, cursor) for id, cursor in after.items()]
        pages = yield from patiently_all(asked, "the messages of stored completions", timing)
        after = _read_pages(dict(zip(after, pages, strict=True)), messages)
    return messages


def _ask_for_messages(id: str, cursor: Mapping[str, Any]) -> Callable[[OpenAI], Any]:
    return lambda client: client.chat.completions.messages.list(id, limit=_PAGE_SIZE, order="asc", **cursor)


def _read_pages(pages: Mapping[str, Any], messages: dict[str, list[Json] | LeftOut]) -> dict[str, dict[str, Any]]:
    """Adds the pages' messages; answers where to go on."""
    import openai

    after: dict[str, dict[str, Any]] = {}
    for id, page in pages.items():
        if isinstance(page, openai.NotFoundError):
            messages[id] = LeftOut("gone")
            continue
        if isinstance(page, Exception):
            raise page
        listed = [each.to_dict() for each in page.data or ()]
        known = messages[id]
        assert isinstance(known, list)
        ids = {each.get("id") for each in known}
        fresh = [each for each in listed if each.get("id") is None or each["id"] not in ids]
        known += fresh
        if page.has_more and fresh and listed[-1].get("id"):
            after[id] = {"after": listed[-1]["id"]}
    return after
