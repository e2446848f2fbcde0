"""What a client reads, or does not: a null in the place of an id, results that are not there yet, a file's end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from mocktune.domain.findings.conduct import Conduct
from mocktune.domain.findings.exchange import Exchange, text
from mocktune.domain.findings.kind import FindingKind, Instance, instance

NULLS = frozenset({"None", "null", "undefined", "nil"})
"""What languages make of a value that is not there when they write it into a text."""

ID_FIELDS = ("model", "training_file", "validation_file", "file_id", "input_file_id", "previous_response_id")
REQUIRED_IDS = frozenset({"model", "training_file"})
"""Of these, a null of JSON is no value either."""

RESULTS = "fine-tune-results"


# -- MT09 --------------------------------------------------------------------------------------------------------------


def null_id(conduct: Conduct) -> Iterator[Instance]:
    for each in conduct.as_sent:
        where = _null_in(each)
        if where:
            yield instance(f"{each.operation or each.entry.method} was sent {where}", [each])


def _null_in(each: Exchange) -> str:
    for segment in each.segments:
        if segment in NULLS:
            return f"'{segment}' in the place of an id in its path"
    if each.query.get("after") in NULLS:
        return f"'{each.query['after']}' as after"
    for name in ID_FIELDS:
        if name in each.sent:
            value = each.sent[name]
            if text(value) in NULLS or (value is None and name in REQUIRED_IDS):
                return f"{'null' if value is None else repr(value)} as {name}"
    return ""


# -- MT10 --------------------------------------------------------------------------------------------------------------


def read_too_early(conduct: Conduct) -> Iterator[Instance]:
    for job_id, reads in _reads_of_checkpoints(conduct).items():
        if conduct.has_checkpoints(job_id) and not any(_listed(each.answer["data"]) for each in reads):
            yield instance(f"checkpoints of {job_id} were asked for before there were any, and never again", reads)
    for job_id, reads in _reads_of_results(conduct).items():
        if conduct.has_result(job_id) and not any(_found(each) for each in reads):
            yield instance(f"the result file of {job_id} was asked for before it was there, and never again", reads)


def _reads_of_checkpoints(conduct: Conduct) -> dict[str, list[Exchange]]:
    found: dict[str, list[Exchange]] = defaultdict(list)
    for each in conduct.of("fine_tuning.jobs.checkpoints.list"):
        if "data" in each.answer:
            found[each.resource].append(each)
    return found


def _reads_of_results(conduct: Conduct) -> dict[str, list[Exchange]]:
    """Every time the result file of a job was asked for, by the job."""
    files = {text(id): text(job.get("id")) for _, job in conduct.shown_jobs for id in _listed(job.get("result_files"))}
    # Whose files a list shows is told nowhere: it says something of the only job there is.
    only_job = next(iter(conduct.named_jobs)) if len(conduct.named_jobs) == 1 else None
    found: dict[str, list[Exchange]] = defaultdict(list)
    for each in conduct.of("files.list", "files.retrieve", "files.content"):
        if each.operation == "files.list":
            if only_job is not None and each.query.get("purpose") == RESULTS and "data" in each.answer:
                found[only_job].append(each)
        elif each.resource in files and (each.ok or (each.shown and each.status == 404)):
            found[files[each.resource]].append(each)
    return found


def _found(read: Exchange) -> bool:
    return bool(_listed(read.answer["data"])) if read.operation == "files.list" else read.ok


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


# -- MT14 --------------------------------------------------------------------------------------------------------------


def never_looked_at_file(conduct: Conduct) -> Iterator[Instance]:
    failed = conduct.files_in_question.intersection(conduct.failed_files)
    if not failed:
        return
    looked_at = {
        text(file.get("id"))
        for each in conduct.exchanges
        for file in each.objects("file")
        if file.get("status") == "error"
    }
    for each in conduct.of("fine_tuning.jobs.create"):
        for name in ("training_file", "validation_file"):
            id = text(each.sent.get(name))
            if each.entry.committed and id in failed and id not in looked_at:
                told = f"a job was created on {id}, which ended in 'error'; nobody looked at the file to see why"
                yield instance(told, [each])


# -- their words -------------------------------------------------------------------------------------------------------

NULL_ID = FindingKind(
    code="MT09",
    title="used a null id",
    raised="A segment of a path, `after`, or a field of a body that holds an id (`model`, `training_file`, "
    "`validation_file`, …) was the text `None`, `null`, `undefined` or `nil`; or `model` or `training_file` was a "
    "null.",
    spared="Nulls of fields that need not be given, such as `validation_file`; such words anywhere else.",
    costs="`fine_tuned_model` is null until the job has succeeded, `result_files` is empty: the client read one of "
    "them too early, or of a job that failed, and asked for an object that cannot exist.",
    remedy="Read `fine_tuned_model` and `result_files` of a job whose status is `succeeded`, and stop where they are "
    "still missing.",
    find=null_id,
)
READ_TOO_EARLY = FindingKind(
    code="MT10",
    title="read the result before it existed",
    raised="Every time the client asked for what came of a job, its checkpoints, its result file by the id the job "
    "names, or (of the only job it knows) the list of files with `purpose=fine-tune-results`, nothing was there (an "
    "empty list, a 404); by the sandbox's time when the verdict is asked for there is, and the client did not come "
    "back.",
    spared="Jobs that bring nothing forth: failed, cancelled, or with a result that never comes; results that are "
    "late and still are when the verdict is asked for; who never asked for any.",
    costs="Checkpoints are listed once the job has succeeded, and its result file may be late. An empty list that is "
    "taken for the answer loses the metrics, and the models of earlier epochs.",
    remedy="Ask when the job has succeeded, and where nothing is there yet, again a little later.",
    find=read_too_early,
)
NEVER_LOOKED_AT_FILE = FindingKind(
    code="MT14",
    title="never looked at a file that ended in error",
    raised="A job was created on a file that by the sandbox's time, when the verdict is asked for, has ended in "
    "`error`, and no answer, neither of the file nor of a list, showed the client that it did.",
    spared="Files that are processed well, whether or not the client waited for it: a job waits for its files; a "
    "create that was refused.",
    costs="What is wrong with the file stands in its `status_details`, seconds after the upload. The client finds out "
    "minutes later from a job that failed, and its user reads that the job failed, not that the file is to be mended.",
    remedy="After an upload, ask for the file until it is `processed` or `error`; for `error` print `status_details`, "
    "and create no job.",
    find=never_looked_at_file,
)
