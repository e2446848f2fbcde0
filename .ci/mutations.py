"""Faults that the contract suite has to find: each is planted in a copy of the server, and the suite must turn red.

    python .ci/mutations.py                 all of them, two at a time
    python .ci/mutations.py "weight 0"      those whose names begin so

A mutation is a text of the source and what stands in its place: where the text is no longer there, or there more than
once, the run fails and says so. Each is asked the modules of the suite it names, for time's sake; the same modules are
green over a copy without a fault. Takes about a minute and a half on two cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SERVER = PROJECT / "mock_server" / "mocktune"
SUITE = PROJECT / "contract_tests" / "mocktune_contract"

AT_ONCE = 2
TIMEOUT_S = 180.0

Edit = tuple[str, str, str]
"""A file below ``mocktune/``, a text that is in it once, and what it becomes."""


@dataclass(frozen=True, slots=True)
class Mutation:
    name: str
    edits: tuple[Edit, ...]
    asked: str

    @property
    def modules(self) -> list[str]:
        return self.asked.split()


MUTATIONS = (
    Mutation(
        "validating_files is skipped",
        (("domain/signals.py", "    return JobStatus.VALIDATING_FILES\n", "    return JobStatus.QUEUED\n"),),
        "test_whole_life",
    ),
    Mutation(
        "after is inclusive",
        (
            (
                "storage/memory.py",
                "else bisect_left(self._keys, self._key_of[after])\n",
                "else bisect_left(self._keys, self._key_of[after]) + 1\n",
            ),
        ),
        "test_lists",
    ),
    Mutation(
        "after is inclusive, in events",
        (
            (
                "domain/timeline.py",
                "newest = count if before is None else min(before, count)",
                "newest = count if before is None else min(before + 1, count)",
            ),
        ),
        "test_events",
    ),
    Mutation(
        "events are listed oldest first",
        (("domain/timeline.py", "for index in range(newest - 1, -1, -1))", "for index in range(newest))"),),
        "test_events",
    ),
    Mutation(
        "finished_at is set where validation failed",
        (
            (
                "domain/timeline.py",
                "case JobStatus.FAILED if self.plan.failure and self.plan.failure.finished:",
                "case JobStatus.FAILED if self.plan.failure:",
            ),
        ),
        "test_bad_datasets",
    ),
    Mutation(
        "has_more is always false",
        (("service/paging.py", "return Page(page[:limit], len(page) > limit)", "return Page(page[:limit], False)"),),
        "test_lists test_events",
    ),
    Mutation(
        "a checkpoint reuses the model's id",
        (
            (
                "domain/timeline.py",
                "{self._model_name('checkpoint', step)}:ckpt-step-{step}",
                "{self._model_name('final')}:ckpt-step-{step}",
            ),
        ),
        "test_results",
    ),
    Mutation(
        '"auto" is resolved at create',
        (("domain/timeline.py", "training is None or now < at or (", "training is None or ("),),
        "test_whole_life",
    ),
    Mutation(
        "weight 0 is learnt",
        (("domain/conversation.py", '        and message.get("weight") != 0\n', ""),),
        "test_chat",
    ),
    Mutation(
        "weight 0 is something to learn",
        (("domain/formats/chat.py", 'return assistant_message.get("weight", 1) != 0', "return True"),),
        "test_bad_datasets",
    ),
    Mutation(
        "the result file is plain CSV",
        (("service/files.py", 'job.scenario.result.encoding == "base64" and', "False and"),),
        "test_results",
    ),
    Mutation(
        "a model is ready at once",
        (
            (
                "domain/plan.py",
                'ready_at = VirtualTime(absent_until + model.loading_for.drawn(seed, "loading_for"))',
                "ready_at = absent_until = finished_at",
            ),
        ),
        "test_whole_life",
    ),
    Mutation(
        "a finished job can be cancelled",
        (
            (
                "service/jobs.py",
                "        elif not visit.loose:\n            raise ALREADY_COMPLETED(id=id)\n",
                "",
            ),
        ),
        "test_errors",
    ),
    Mutation(
        "413 comes only after the body",
        (
            (
                "http/multipart.py",
                "    if call.declared_bytes > max_bytes + OVERHEAD_BYTES:\n"
                "        raise PAYLOAD_TOO_LARGE(limit=max_bytes, size=call.declared_bytes)\n",
                "",
            ),
        ),
        "test_uploads",
    ),
    Mutation(
        "the id of a webhook changes when it is tried again",
        (
            (
                "domain/deliveries.py",
                "        id=delivery.webhook_id,\n",
                "        id=f'{delivery.webhook_id}{attempt.at}',\n",
            ),
        ),
        "test_webhooks",
    ),
    Mutation(
        "a webhook is tried again after 410",
        (
            ("domain/deliveries.py", " or attempt.status_code == 410 or ", " or "),
            ("service/deliveries.py", "if answer.status_code == 410 and not", "if False and not"),
        ),
        "test_webhooks",
    ),
    Mutation(
        "a read crosses sandboxes",
        (
            ("storage/memory.py", "class MemoryLedger(", "_of_all: dict[str, Any] = {}\n\n\nclass MemoryLedger("),
            ("storage/memory.py", "_key_of[id] = key\n", "_key_of[id] = key\n        _of_all[id] = item\n"),
            ("storage/memory.py", "return None if key is None else", "return _of_all.get(id) if key is None else"),
        ),
        "test_sandboxes",
    ),
    Mutation(
        "a read moves a job's status",
        (
            (
                "service/jobs.py",
                "        return await self._view(visit, _get(visit, id))\n",
                "        job = _get(visit, id)\n"
                "        reads = _READS[id] = _READS.get(id, 0) + 1\n"
                "        from dataclasses import replace\n"
                "        return await self._view(replace(visit, now=visit.now + reads * 5_000_000), job)\n",
            ),
            ("service/jobs.py", "\ndef _get(", "\n_READS: dict[str, int] = {}\n\n\ndef _get("),
        ),
        "test_whole_life",
    ),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", default="", help="how the names of the mutations begin that are run")
    arguments = parser.parse_args()
    chosen = [mutation for mutation in MUTATIONS if mutation.name.startswith(arguments.name)]
    if not chosen:
        sys.exit(f"no mutation begins with '{arguments.name}'")
    begun = time.perf_counter()
    everything = " ".join(sorted({module for mutation in chosen for module in mutation.modules}))
    control = Mutation("nothing is wrong (the control)", (), everything)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(run, (control, *chosen)))
    wrong = [line for line in results if line]
    print(f"{len(chosen) + 1} runs in {time.perf_counter() - begun:.0f} s, {len(wrong)} of them not as they should be")
    if wrong:
        sys.exit("\n".join(wrong))


def run(mutation: Mutation) -> str:
    """Empty, or what is not as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "mocktune"
        shutil.copytree(SERVER, copied)
        for file, before, after in mutation.edits:
            path = copied / file
            text = path.read_text("utf-8")
            if (found := text.count(before)) != 1:
                return f"{mutation.name}: its text is {found} times in {file}, once was expected: {before!r}"
            path.write_text(text.replace(before, after), "utf-8")
        code, output = ask(folder, mutation.modules)
    red = code == 1
    verdict = {0: "green", 1: "red"}.get(code, f"exit code {code}")
    found_by = next((line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))), "")
    print(f"{verdict:6} {mutation.name:52} {found_by.partition('::')[2][:90]}", flush=True)
    if red == bool(mutation.edits) and code in (0, 1):
        return ""
    return f"{mutation.name}: {verdict}\n{output[-3000:]}"


def ask(folder: str, modules: list[str]) -> tuple[int, str]:
    """The suite's modules over the copy in ``folder``, until the first failure."""
    environment = {**os.environ, "PYTHONPATH": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    whose = subprocess.run(
        [sys.executable, "-c", "import mocktune; print(mocktune.__file__)"],
        cwd=PROJECT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    if not whose.stdout.startswith(folder):
        sys.exit(f"the copy is not what is imported, but {whose.stdout}")
    command = [
        sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider",
        *(str(SUITE / f"{module}.py") for module in modules),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, f"took longer than {TIMEOUT_S:g} s"
    return done.returncode, done.stdout + done.stderr


if __name__ == "__main__":
    main()
