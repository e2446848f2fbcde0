"""From what was wrong in each run to what is wrong with the client: one fault for one cause, however often it showed.

Two steps. Within a run, a finding may account for how the run ended, or for a later finding: a client that stopped at
``validating_files`` then uses a model that is null, and fails; that is one fault, and it is that it stopped. Between
runs, what has the same cause is one fault with several places. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mocktune.domain.verdict import BY_CODE
from mocktune.rehearsal.judging import Judged, Symptom

STOPPED_EARLY, UNREAD_FILE = "MT02", "MT14"

_FAILS = ("gave_up", "false_success", "no_reason")

ACCOUNTS_FOR: dict[str, tuple[str, ...]] = {
    STOPPED_EARLY: (*_FAILS, "MT09", "MT10", "MT08"),  # what it then reads of the job is not there yet
    UNREAD_FILE: (*_FAILS, "MT09"),
    "MT08": ("gave_up", "no_reason", "MT06", "MT07"),  # it gave the model no time, however often it asked
    "MT09": _FAILS,
    "MT10": ("gave_up",),
    "MT13": _FAILS,
    # Who asks too fast, too soon or in vain uses up the tries that it has, or comes to no end.
    "MT01": ("gave_up", "hung"),
    "MT05": ("hung", "too_late"),
    "MT06": ("gave_up", "hung"),
    "MT07": ("gave_up", "hung"),
    "hung": ("MT01",),
}
"""By the code of what a run shows: what else in the same run it is the cause of."""

TITLES = {
    "not_started": "cannot be started",
    "silent": "asks the service nothing",
    "hung": "comes to no end",
    "gave_up": "gives up on what can be survived",
    "false_success": "takes a failure for success",
    "no_reason": "fails without saying why",
    "too_late": "takes longer than it may",
    "broken_off": "was interrupted",
}
"""Of the behaviours; findings have their own."""

REMEDIES = {
    "not_started": "Give a command that runs here: mocktune rehearse -- python train.py data.jsonl",
    "silent": "Have the command take its address and its key from OPENAI_BASE_URL and OPENAI_API_KEY, as the official "
    "SDKs do; a sandbox has many other variables for those that do not.",
    "hung": "End every loop at each status that is an end, and by a time-out that is told.",
    "gave_up": "Try again what passes; go on at what is unknown; fail where the service says that it is over.",
    "false_success": "End with 0 when the job has succeeded and its model is there, and with another code otherwise.",
    "no_reason": "Print what the service says: the error's message, job.error, the file's status_details.",
    "too_late": "Wait no longer than it takes, and stop at once at what no waiting helps against.",
    "broken_off": "Let the rehearsal come to its end.",
}

_ORDER = {code: index for index, code in enumerate(("not_started", "silent", *BY_CODE, *TITLES))}


@dataclass(slots=True)
class Fault:
    """Something that is wrong with the client. ``code`` is a finding's or a behaviour's; ``seen`` are the runs that
    show it, each with the symptom; ``led_to`` says what it was the cause of there.
    """

    code: str
    seen: list[tuple[Judged, Symptom]] = field(default_factory=list)
    led_to: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        return BY_CODE[self.code].title if self.code in BY_CODE else TITLES[self.code]

    @property
    def remedy(self) -> str:
        return BY_CODE[self.code].remedy if self.code in BY_CODE else REMEDIES[self.code]

    @property
    def is_finding(self) -> bool:
        return self.code in BY_CODE

    @property
    def scenarios(self) -> list[str]:
        return list(dict.fromkeys(judged.run.scenario for judged, _ in self.seen))


def faults_of(judged: Iterable[Judged]) -> list[Fault]:
    """The faults of a client, those that show in most scenarios first."""
    found: dict[tuple[str, ...], Fault] = {}
    for each in judged:
        causes, consequences = causes_of(each.symptoms)
        for cause in causes:
            fault = found.setdefault(cause.key, Fault(cause.code))
            fault.seen.append((each, cause))
            for other in consequences:
                if other.code in ACCOUNTS_FOR.get(cause.code, ()) and _name(other) not in fault.led_to:
                    fault.led_to.append(_name(other))
    return sorted(found.values(), key=lambda fault: (-len(fault.seen), _ORDER[fault.code]))


def causes_of(symptoms: Sequence[Symptom]) -> tuple[list[Symptom], list[Symptom]]:
    """What nothing else in the run accounts for, and what something does."""
    here = {each.code for each in symptoms}
    accounted = {code for cause in here for code in ACCOUNTS_FOR.get(cause, ())} & here
    # Of two that account for each other (a loop without an end, and without a pause) neither may be lost.
    accounted = {code for code in accounted if not _only_by_each_other(code, here)}
    causes = [each for each in symptoms if each.code not in accounted]
    return causes, [each for each in symptoms if each.code in accounted]


def _only_by_each_other(code: str, here: set[str]) -> bool:
    by = [cause for cause in here if code in ACCOUNTS_FOR.get(cause, ())]
    return all(cause in ACCOUNTS_FOR.get(code, ()) for cause in by) and _ORDER[code] <= min(_ORDER[each] for each in by)


def _name(symptom: Symptom) -> str:
    return TITLES.get(symptom.code, symptom.code)
