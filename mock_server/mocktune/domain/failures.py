"""Ways a job can fail, by name, and what makes one fail so: a training file with that defect, a quota, a fault at run
time.

Most of them lie in the files, and the words of ``job.error`` follow from those, as everywhere (``validation.py``,
``formats/defects.py``). So a failure is not a text that is shown but a recipe for the job that has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mocktune.domain.documents import nearest
from mocktune.domain.example_files import DEFAULT_EXAMPLES, example, examples
from mocktune.domain.formats.defects import KINDS
from mocktune.domain.models import Method
from mocktune.domain.report import FileFormat
from mocktune.domain.validation import MAX_REINFORCEMENT_EXAMPLES

Example = dict[str, Any]
Line = Mapping[str, Any] | str

SPOILED = 4
"""The number of the example that is made a bad one."""

_FLAGGED = "I want to kill them."
"""DOC: the sentence that the guide shows as flagged."""
_IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/picture.png"}}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes a job fail in one way.

    ``spoil`` makes a good example a bad one, ``flagged`` examples say what moderation flags; ``format`` is that of the
    training file where the job needs another, ``method`` the one that it takes. ``deleted``: the training file is
    deleted as soon as the job is created; ``unpaid``: nothing is left of the quota; ``scripted``: the job fails while
    it runs, whatever its files are.
    """

    name: str
    code: str
    summary: str
    examples: int = DEFAULT_EXAMPLES
    format: FileFormat | None = None
    method: Method = "supervised"
    purpose: str = "fine-tune"
    spoil: Callable[[Example], Line] | None = None
    flagged: int = 0
    validation_examples: int = 0
    flagged_in: Literal["training", "validation"] = "training"
    deleted: bool = False
    unpaid: bool = False
    scripted: bool = False

    @property
    def in_files(self) -> bool:
        """Whether what is wrong lies in the job's files."""
        return not (self.scripted or self.unpaid)

    @property
    def moderated(self) -> bool:
        """Whether the job's scenario must screen files."""
        return self.flagged > 0

    def training_lines(self, format: FileFormat) -> list[Line]:
        """The lines of the training file of a job that reads ``format``."""
        lines: list[Line] = list(examples(self.format or format, self.examples))
        if self.spoil is not None:
            lines[SPOILED - 1] = self.spoil(example(format, SPOILED - 1))
        if self.flagged_in == "training":
            _flag(lines, self.flagged)
        return lines

    def validation_lines(self, format: FileFormat) -> list[Line]:
        """The lines of the validation file; none where the job has none."""
        lines: list[Line] = list(examples(format, self.validation_examples))
        if self.flagged_in == "validation":
            _flag(lines, self.flagged)
        return lines


def _recipe(name: str, summary: str, **others: Any) -> Recipe:
    code = KINDS[name].code
    if others.get("flagged_in") == "validation":
        code = code.replace("training", "validation")
    return Recipe(name, code, summary, **others)


# -- examples that are made bad ones -----------------------------------------------------------------------------------


def _cut_short(good: Example) -> str:
    return json.dumps(good)[:-2]


def _with_key(good: Example) -> Example:
    return {**good, "label": "sums"}


def _without_first_key(good: Example) -> Example:
    return {key: value for key, value in good.items() if key != next(iter(good))}


def _without_role(good: Example) -> Example:
    return _with_first_message(good, lambda message: {"content": message["content"]})


def _with_token(good: Example) -> Example:
    if "prompt" in good:
        return {**good, "prompt": good["prompt"] + "<|endoftext|>"}
    return _with_first_message(good, lambda message: {**message, "content": message["content"] + "<|endoftext|>"})


def _with_unknown_role(good: Example) -> Example:
    if "completion" in good:
        return {**good, "completion": ""}
    return _with_first_message(good, lambda message: {**message, "role": "narrator"})


def _with_image(good: Example) -> Example:
    def shown(message: Example) -> Example:
        return {**message, "content": [{"type": "text", "text": message["content"]}, _IMAGE]}

    return _with_first_message(good, shown)


def _with_first_message(good: Example, change: Callable[[Example], Example]) -> Example:
    """The example with its first message changed; as it is where it has none."""
    if "input" in good:
        return {**good, "input": _with_first_message(good["input"], change)}
    if "messages" not in good:
        return good
    first, *others = good["messages"]
    return {**good, "messages": [change(first), *others]}


def _flag(lines: list[Line], count: int) -> None:
    for index in range(count):
        line = lines[index]
        assert not isinstance(line, str)  # flagged files have no bad lines
        if "prompt" in line:
            lines[index] = {**line, "prompt": f"{line['prompt']} {_FLAGGED}"}
        else:
            lines[index] = _with_first_message(
                dict(line), lambda message: {**message, "content": f"{message['content']} {_FLAGGED}"}
            )


# -- the table ---------------------------------------------------------------------------------------------------------

_MOST_VALIDATION = MAX_REINFORCEMENT_EXAMPLES["validation"]

RECIPES: dict[str, Recipe] = {
    each.name: each
    for each in (
        _recipe("not_json", "a line of the training file is no JSON, so the file ends in error", spoil=_cut_short),
        _recipe("extra_key", "an example has a key that its format does not have", spoil=_with_key),
        _recipe("missing_messages", "an example lacks the key that its format begins with", spoil=_without_first_key),
        _recipe("missing_role", "a message has no role", spoil=_without_role),
        _recipe("special_token", "a text contains a control token", spoil=_with_token),
        _recipe("bad_message", "a message is wrong in another way", spoil=_with_unknown_role),
        _recipe("unexpected_format", "the training file is in no format that is known", format="unknown"),
        _recipe("wrong_method", "the training file is in the format of another method", format="chat", method="dpo"),
        _recipe("wrong_model", "the training file is in the format of other models", format="prompt_completion"),
        _recipe("no_vision", "there are images, and the model does not see", spoil=_with_image),
        _recipe("too_few_examples", "fewer than ten examples", examples=3),
        _recipe(
            "too_many_examples",
            "more validation examples than a reinforcement job takes",
            method="reinforcement",
            validation_examples=_MOST_VALIDATION + 1,
        ),
        _recipe("wrong_purpose", "the training file was not uploaded for fine-tuning", purpose="assistants"),
        _recipe("file_deleted", "the training file was deleted before it was validated", deleted=True),
        _recipe("flagged_lines", "moderation flags a line of the training file", examples=20, flagged=1),
        _recipe("flagged_training_file", "moderation blocks the training file as a whole", flagged=6),
        _recipe(
            "flagged_validation_file",
            "moderation blocks the validation file",
            validation_examples=DEFAULT_EXAMPLES,
            flagged=6,
            flagged_in="validation",
        ),
        Recipe("exceeded_quota", "exceeded_quota", "the training costs more than is left of the quota", unpaid=True),
        Recipe("server_error", "server_error", "an internal error while the job runs", scripted=True),
    )
}
"""Every way to fail, by name: each defect of ``formats/defects.py``, the quota, and an error at run time."""

ALIASES: dict[str, str] = {
    "invalid_n_examples": "too_few_examples",
    "invalid_file_format": "extra_key",
    "invalid_training_file": "not_json",
    "unsafe_file": "flagged_training_file",
    "moderation": "flagged_lines",
    "quota": "exceeded_quota",
}
"""Other names: the codes of ``job.error``, and what people call it."""


def recipe_called(name: str) -> Recipe | None:
    """The recipe for a failure; None for an unknown name."""
    return RECIPES.get(ALIASES.get(name, name))


def nearest_failure(name: str) -> str:
    """What to say after an unknown name: the nearest known one, or all of them."""
    return nearest(name, (*RECIPES, *ALIASES))
