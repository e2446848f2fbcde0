"""What a rule of faults may say beyond the types of its fields. A rule that cannot do what it says is refused."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields

from mocktune.domain.clock import format_duration
from mocktune.domain.documents import Duration, ScenarioError, nearest, wrong
from mocktune.domain.fault_draws import MAX_PATH_SEGMENTS, names_operation
from mocktune.domain.faults import MAX_DELAY, FaultAnswer, FaultRule
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.operations import OPERATIONS

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:-]{0,99}", re.ASCII)
"""What the id of a rule may be: it stands in URLs and headers."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", re.ASCII)
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

OURS = frozenset({"content-length", "transfer-encoding", "connection", "content-type"})
"""Headers of an answer that are not a rule's to set among ``headers``."""

CREDENTIALS = frozenset({"authorization", "api-key"})

OF_WEBHOOKS = frozenset({
    "id", "operation", "webhook", "delay", "probability", "skip_first", "every_nth", "times", "after", "ttl",
    "ttl_wall",
})  # fmt: skip
"""The fields a rule about deliveries may have."""

BODILESS = frozenset({204, 205, 304})
"""Statuses whose answers have no body."""

WHOLE_ANSWERS = frozenset({"EMPTY_RESPONSE", "RANDOM_DATA_THEN_CLOSE"})
"""Faults that leave no room for the beginning of an answer."""


def check_rules(rules: Iterable[FaultRule], where: str = "") -> None:
    """Raises ``ScenarioError`` for the first rule that cannot be, and for two of one id. ``where`` is their list."""
    ids: set[str] = set()
    for index, rule in enumerate(rules):
        check_rule(rule, f"{where}[{index}]")
        if rule.id and rule.id in ids:
            raise wrong(f"{where}[{index}].id", f"there is another rule '{rule.id}'")
        ids.add(rule.id)


def check_rule(rule: FaultRule, where: str = "") -> None:
    """Raises ``ScenarioError``; ``where`` is the rule's path in its document."""
    if problem := next(_problems(rule), None):
        key, text = problem
        path = ".".join(filter(None, (where, key)))
        raise ScenarioError(f"{path or 'the rule'}: {text}", key=path)


def _problems(rule: FaultRule) -> Iterator[tuple[str, str]]:
    if rule.id and not ID.fullmatch(rule.id):
        yield (
            "id",
            f"expected up to 100 letters, digits and ._@:- beginning with a letter or digit, got {rule.id!r:.80}",
        )
    if rule.webhook is not None:
        yield from _problems_of_webhooks(rule)
        return
    if not _known(rule.operation, OPERATIONS):
        yield "operation", f"there is no operation '{rule.operation:.100}'{_near(rule.operation, OPERATIONS)}"
    yield from _problems_of_matchers(rule)
    yield from _problems_of_window(rule)
    yield from _problems_of_effect(rule)
    if rule.answer is not None:
        yield from ((f"answer.{key}" if key else "answer", text) for key, text in _problems_of_answer(rule.answer))


def _problems_of_webhooks(rule: FaultRule) -> Iterator[tuple[str, str]]:
    from mocktune.domain.webhooks import EVENT_TYPES

    usual = FaultRule()
    for each in fields(rule):
        if each.name not in OF_WEBHOOKS and getattr(rule, each.name) != getattr(usual, each.name):
            yield each.name, "a rule with 'webhook' is about deliveries, which have none"
    if not _known(rule.operation, EVENT_TYPES):
        yield "operation", f"there is no type of event '{rule.operation:.100}'{_near(rule.operation, EVENT_TYPES)}"
    if rule.webhook == "delay" and rule.delay is None:
        yield "delay", "a delivery that is to be late needs one"
    yield from _problems_of_window(rule)


def _problems_of_matchers(rule: FaultRule) -> Iterator[tuple[str, str]]:
    for name in rule.headers:
        if not _TOKEN.fullmatch(name):
            yield "headers", f"{name!r:.80} is no name of a header"
        if name.lower() in CREDENTIALS:
            yield "headers", f"{name} is no header to match: the key names the sandbox"
    for path in rule.body:
        segments = path.split(".")
        if not all(segments) or len(segments) > MAX_PATH_SEGMENTS:
            yield "body", f"expected dotted paths of at most {MAX_PATH_SEGMENTS} names, got {path!r:.80}"
    if rule.job_status is not None and rule.job_status not in list(JobStatus):
        yield "job_status", f"there is no status {rule.job_status!r:.80}{nearest(rule.job_status, list(JobStatus))}"


def _problems_of_window(rule: FaultRule) -> Iterator[tuple[str, str]]:
    after, ttl = _fixed(rule.after), _fixed(rule.ttl)
    if after is not None and ttl is not None and after >= ttl:
        yield "ttl", f"the rule ends {format_duration(ttl)} after it was made, before 'after' lets it begin"


def _problems_of_effect(rule: FaultRule) -> Iterator[tuple[str, str]]:
    if rule.fault is None and rule.answer is None and rule.delay is None:
        yield "", "it must do something: give it 'fault', 'answer', 'delay' or 'webhook'"
    if rule.fault is not None and rule.answer is not None:
        yield "answer", f"a connection that suffers {rule.fault} carries no answer; give 'fault' or 'answer'"
    if rule.dribble and rule.delay is None:
        yield "dribble", "needs a 'delay', the time the body takes"
    if rule.dribble and rule.fault is not None:
        yield "dribble", f"a body that ends in {rule.fault} does not dribble; make two rules"
    if rule.dribble and rule.answer is None and rule.at == "before_handler":
        yield "at", "a body that dribbles is there after the handler: write at = 'mid_body', or give an 'answer'"
    if rule.at == "mid_body":
        if rule.answer is not None:
            yield "answer", "the middle of a body is too late for another answer: write at = 'after_commit'"
        if rule.fault is None and not rule.dribble:
            yield "at", "'mid_body' needs a 'fault', or 'delay' with 'dribble'"
        if rule.fault in WHOLE_ANSWERS:
            yield "fault", f"{rule.fault} leaves no room for half a body: write at = 'after_commit'"
    if rule.delay is not None and max(rule.delay.low, _longest(rule.delay)) > MAX_DELAY:
        yield "delay", f"an answer is held back for at most {format_duration(MAX_DELAY)}"


def _problems_of_answer(answer: FaultAnswer) -> Iterator[tuple[str, str]]:
    if answer.body is not None and (answer.message or answer.type or answer.code or answer.param):
        yield "body", "stands for the whole body; 'message', 'type', 'code' and 'param' are the envelope's"
    if answer.status < 400 and answer.body is None:
        yield "body", f"an answer of status {answer.status} needs one (it may be empty): the envelope is for errors"
    if answer.status in BODILESS and answer.body:
        yield "body", f"an answer of status {answer.status} has none"
    for key, text in (("content_type", answer.content_type), ("retry_after", answer.retry_after)):
        if text is not None and not _FIELD_VALUE.fullmatch(text):
            yield key, f"{text!r:.80} is no value of a header"
    for name, value in answer.headers.items():
        if not _TOKEN.fullmatch(name):
            yield "headers", f"{name!r:.80} is no name of a header"
        if name.lower() in OURS:
            yield "headers", f"{name} is the server's to set (a content type is written as content_type)"
        if value is None or not _FIELD_VALUE.fullmatch(str(value)):
            yield "headers", f"the value of {name} is none of a header"


def _known(operation: str, known: Iterable[str]) -> bool:
    return any(names_operation(operation, each) for each in known)


def _near(name: str, known: Collection[str]) -> str:
    found = nearest(name, known)
    return found if "did you mean" in found else "; GET /_mocktune/capabilities lists what there is"


def _fixed(duration: Duration | None) -> int | None:
    return None if duration is None or duration.high is not None or duration.sigma is not None else duration.low


def _longest(duration: Duration) -> int:
    return duration.low if duration.high is None else duration.high
