"""Worlds: documents of scenarios."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

MAX_S = 3600


def scenarios(*, failing: bool = True, signals: bool = True, faults: bool = False) -> st.SearchStrategy[Json]:
    """A scenario's document, as ``PUT /_mocktune/scenario`` takes it under ``document`` (``schema = 1``).

    What is left out of it is as in the scenario it ``extends``. Durations are short texts (``"90s"``), now and then
    distributions. ``failing`` lets jobs and files fail, ``signals`` lets jobs be cancelled, paused and resumed from
    outside, ``faults`` adds rules of faults that answer an error or hold an answer back: no connection is broken.
    """
    parts: dict[str, st.SearchStrategy[Any]] = {
        "files": _part(processing=_durations(), **_failing_files(failing)),
        "job": _part(
            validating=_durations(), queued=_durations(), final_validation=_durations(), **_training(),
            **_failing(failing),
        ),
        "model": _part(
            absent_for=_durations(), loading_for=_durations(),
            loading_as=st.sampled_from(["too_many_requests", "unavailable"]),
        ),
        "metrics": _part(shape=st.sampled_from(["converge", "overfit", "diverge", "plateau", "nan"])),
        "events": _part(
            model_created_after=_durations(60), completed_after=_durations(60), after_terminal=_durations(60),
            safety=st.booleans(),
        ),
        "result": _part(delay=_durations(60), encoding=st.sampled_from(["base64", "plain"])),
    }  # fmt: skip
    if signals:
        parts["signals"] = _signals()
    if faults:
        parts["faults"] = st.lists(_rules(), max_size=2, unique_by=lambda rule: rule["id"])
    start = {"schema": st.just(1), "extends": st.sampled_from(["realistic", "quick"])}
    return st.fixed_dictionaries(start, optional=parts)


def _part(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


def _durations(most_s: int = MAX_S) -> st.SearchStrategy[Any]:
    seconds = st.integers(0, most_s)
    fixed = seconds.map(lambda s: f"{s}s")
    uniform = st.builds(
        lambda a, b: {"uniform": [f"{min(a, b)}s", f"{max(a, b)}s"]}, st.integers(1, most_s), st.integers(1, most_s)
    )
    return st.one_of(fixed, fixed, uniform)


def _training() -> dict[str, st.SearchStrategy[Any]]:
    """Of the whole, or of a step."""
    return {"step": st.integers(1, 50).map(lambda tenths: f"{tenths / 10}s"), "training": st.none() | _durations()}


def _failing_files(failing: bool) -> dict[str, st.SearchStrategy[Any]]:
    if not failing:
        return {}
    details = st.none() | st.just("The disk broke.")
    return {"outcome": st.sampled_from(["processed", "error"]), "status_details": details}


def _failing(failing: bool) -> dict[str, st.SearchStrategy[Any]]:
    if not failing:
        return {}
    failure = _part(
        phase=st.sampled_from(["validating_files", "queued", "running", "final_validation", "safety"]),
        progress=st.floats(0, 1),
        code=st.sampled_from(["server_error", "exceeded_quota"]),
        message=st.just("The job failed due to an internal error."),
    )
    return {"outcome": st.sampled_from(["succeeded", "failed"]), "failure": failure}


def _signals() -> st.SearchStrategy[list[Json]]:
    at = st.integers(0, 600).map(lambda s: f"{s}s") | st.integers(0, 99).map(lambda share: f"{share}%")
    cancel = st.builds(lambda when: [{"at": when, "do": "cancel"}], at)
    paused = st.builds(
        lambda share, more: [{"at": f"{share}%", "do": "pause"}, {"at": f"{share}%+{more}s", "do": "resume"}],
        st.integers(0, 99),
        st.integers(1, 600),
    )
    deleted = st.builds(lambda s: [{"at": f"{s}s", "do": "delete_file"}], st.integers(0, 600))
    return st.just([]) | cancel | paused | deleted


def _rules() -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {
            "id": st.sampled_from(["busy", "broken"]),
            "operation": st.sampled_from(["fine_tuning.jobs.*", "files.list", "chat.completions.create"]),
            "times": st.integers(1, 3),
            "answer": st.fixed_dictionaries({"status": st.sampled_from([429, 500, 503])}),
        },
        optional={"skip_first": st.integers(0, 3), "at": st.sampled_from(["before_handler", "after_commit"])},
    )
