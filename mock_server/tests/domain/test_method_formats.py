"""The formats of preference and reinforcement data, and what a job of each method makes of a file.

Recorded: ``Invalid file format. Example 1 is missing key 'input'.`` of a preference file (contract 3.4), and row 10 of
contract 3.7, chat under ``dpo``, with the blank at its end. The rest is assumed, in the words of the chat format.
"""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from mocktune.domain.clock import VirtualTime
from mocktune.domain.formats import check_example, detect
from mocktune.domain.formats.defects import Defect
from mocktune.domain.formats.images import MAX_IMAGE_BYTES, skipped
from mocktune.domain.formats.reinforcement import graded_examples
from mocktune.domain.models import BASE_MODELS, TRAIN_CONTEXTS, Method
from mocktune.domain.objects import JobError
from mocktune.domain.report import FileFormat, FileReport, Screening
from mocktune.domain.validation import FileOutlook, first_fault

USER = {"role": "user", "content": "What is the sea?"}
SYSTEM = {"role": "system", "content": "Answer in rhyme."}
GOOD = {"role": "assistant", "content": "A blue that asks nothing of me."}
POOR = {"role": "assistant", "content": "Water."}
CALL = {"id": "call_1", "type": "function", "function": {"name": "tide", "arguments": "{}"}}
TIDE = {"type": "function", "function": {"name": "tide"}}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def preference(**changes: Any) -> dict[str, Any]:
    example = {"input": {"messages": [SYSTEM, USER]}, "preferred_output": [GOOD], "non_preferred_output": [POOR]}
    return {key: value for key, value in {**example, **changes}.items() if value is not ...}


def prompt(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"messages": list(messages or (SYSTEM, USER)), **more}


def data_url(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def image(url: str = "https://example.com/sea.png", **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url, **more}}]}


# -- preferences ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "example",
    [
        preference(),
        preference(input={"messages": [USER], "tools": [TIDE], "parallel_tool_calls": True}),
        preference(input={"messages": [USER, GOOD, USER], "tools": []}),
        preference(preferred_output=[{"role": "assistant", "tool_calls": [CALL]}]),
        preference(non_preferred_output=[{"role": "assistant", "content": [{"type": "text", "text": "Water."}]}]),
    ],
)
def test_a_preference_is_accepted(example: dict[str, Any]) -> None:
    assert check_example("preference", example, 1) is None


def test_a_missing_input_is_told_in_the_recorded_words() -> None:
    defect = check_example("preference", preference(input=...), 1)
    assert defect == Defect("missing_messages", "Invalid file format. Example 1 is missing key 'input'.", 1)
    assert defect.message_for("training") == (
        "The job failed due to a file format error in the training file. "
        "Invalid file format. Example 1 is missing key 'input'."
    )


IMAGE_MESSAGE = image()
OF_PREFERENCES = [
    (preference(preferred_output=...), "missing_messages", " is missing key 'preferred_output'."),
    (preference(non_preferred_output=...), "missing_messages", " is missing key 'non_preferred_output'."),
    (preference(input={}), "missing_messages", " is missing key 'messages'"),
    (preference(messages=[]), "extra_key", ' contains an extra "messages".'),
    (preference(input={"messages": [USER], "model": 1}), "extra_key", ', input contains an extra "model".'),
    (preference(input=[USER]), "bad_message", " 'input' must be an object, not a list."),
    (preference(input={"messages": []}), "bad_message", " has no messages."),
    (preference(input={"messages": {}}), "bad_message", " 'messages' must be a list, not an object."),
    (preference(input={"messages": [USER], "tools": {}}), "bad_message", " 'tools' must be a list, not an object."),
    (preference(input={"messages": [USER, {"content": "a"}]}), "missing_role",
     ", message 2 Discriminator 'role' is missing in value"),
    (preference(input={"messages": [IMAGE_MESSAGE]}), "bad_message", " must be text only, but has images."),
    (preference(preferred_output=GOOD), "bad_message", " 'preferred_output' must be a list, not an object."),
    (preference(preferred_output=[]), "bad_message", " 'preferred_output' must have exactly one message, not 0."),
    (preference(non_preferred_output=[POOR, POOR]), "bad_message",
     " 'non_preferred_output' must have exactly one message, not 2."),
    (preference(preferred_output=["Water."]), "bad_message", ", preferred_output is not an object."),
    (preference(preferred_output=[USER]), "bad_message",
     ", preferred_output must be from the assistant (role 'user')."),
    (preference(non_preferred_output=[{"content": ""}]), "missing_role",
     ", non_preferred_output Discriminator 'role' is missing in value"),
    (preference(preferred_output=[{"role": "assistant", "content": 7}]), "bad_message",
     ", preferred_output 'content' must be a string or a list of parts, not a number."),
    (preference(preferred_output=[{"role": "assistant", "content": "<|im_end|>"}]), "special_token",
     " message contains an invalid token: <|im_end|>."),
]  # fmt: skip


@pytest.mark.parametrize(("example", "kind", "said"), OF_PREFERENCES, ids=lambda value: str(value)[:40])
def test_a_defect_of_a_preference(example: object, kind: str, said: str) -> None:
    assert check_example("preference", example, 4) == Defect(kind, f"Invalid file format. Example 4{said}", 4)


def test_the_preferred_output_is_looked_at_first() -> None:
    defect = check_example("preference", preference(preferred_output=[], non_preferred_output=[]), 1)
    assert defect is not None
    assert "'preferred_output'" in defect.detail


# -- prompts of reinforcement --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "example",
    [
        prompt(),
        prompt(USER, GOOD, USER, reference_answer="blue", functions=7, weight=[], input={}),
        prompt(USER, tools=[TIDE], parallel_tool_calls=False),
        prompt({"role": "developer", "content": "Be brief."}, USER),
    ],
)
def test_a_prompt_with_any_references_is_accepted(example: dict[str, Any]) -> None:
    assert check_example("reinforcement", example, 1) is None


@pytest.mark.parametrize(
    ("example", "kind", "said"),
    [
        ({"answer": 1}, "missing_messages", " is missing key 'messages'"),
        (prompt(USER, GOOD, answer=1), "bad_message", ": the last message must be from the user."),
        ({"messages": []}, "bad_message", " has no messages."),
        ({"messages": "hi"}, "bad_message", " 'messages' must be a list, not a string."),
        (prompt(tools={}), "bad_message", " 'tools' must be a list, not an object."),
        (prompt({"content": "a"}), "missing_role", ", message 1 Discriminator 'role' is missing in value"),
        (prompt({"role": "user", "content": "<|endoftext|>"}), "special_token",
         " message contains an invalid token: <|endoftext|>."),
    ],
)  # fmt: skip
def test_a_defect_of_a_prompt(example: object, kind: str, said: str) -> None:
    assert check_example("reinforcement", example, 4) == Defect(kind, f"Invalid file format. Example 4{said}", 4)


def test_a_grader_sees_examples_from_all_over_the_file() -> None:
    assert graded_examples(5, seed=1) == (1, 2, 3, 4, 5)
    drawn = graded_examples(6_400, seed=1)
    assert [(number - 1) // 100 for number in drawn] == list(range(64))
    assert drawn == graded_examples(6_400, seed=1) != graded_examples(6_400, seed=2)
    assert graded_examples(0, seed=1) == ()


# -- images --------------------------------------------------------------------------------------------------------


def png(colours: int = 6) -> bytes:
    return PNG[:25] + bytes([colours]) + PNG[26:]


def jpeg(components: int = 3, *, end: bytes = b"\xff\xd9") -> bytes:
    app = b"\xff\xe0\x00\x04ab"
    frame = b"\xff\xff\xc0" + struct.pack(">HBHHB", 8 + 3 * components, 8, 1, 1, components) + bytes(3 * components)
    return b"\xff\xd8" + app + frame + b"\xff\xda\x00\x02data" + end


def webp(kind: bytes = b"VP8 ", size: int = 20) -> bytes:
    return b"RIFF" + struct.pack("<I", size) + b"WEBP" + kind + bytes(12)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/a", "HTTP://example.com/a", data_url(PNG), data_url(png(2)), data_url(PNG, "jpeg"),
     data_url(jpeg()), data_url(webp()), data_url(webp(b"VP8L")), data_url(webp(b"VP8X")),
     "DATA:;base64," + base64.b64encode(PNG).decode()],
    ids=lambda url: url[:24],
)  # fmt: skip
def test_a_good_image_is_used_whatever_its_url_calls_it(url: str) -> None:
    assert check_example("chat", {"messages": [image(url), GOOD]}, 1) is None
    assert skipped(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (data_url(b"GIF89a" + bytes(40)), "wrong_format"),
        (data_url(b""), "wrong_format"),
        (data_url(png(0)), "wrong_mode"),
        (data_url(png(3)), "wrong_mode"),
        (data_url(jpeg(1)), "wrong_mode"),
        (data_url(jpeg(4)), "wrong_mode"),
        (data_url(PNG[:30]), "unreadable"),
        (data_url(PNG[:-12]), "unreadable"),
        (data_url(PNG[:16] + bytes(4) + PNG[20:]), "unreadable"),
        (data_url(jpeg(end=b"")), "unreadable"),
        (data_url(b"\xff\xd8\xff"), "unreadable"),
        (data_url(webp(size=100)), "unreadable"),
        (data_url(webp(b"ICCP")), "unreadable"),
        ("data:image/png;base64,not base64!", "unreadable"),
        ("data:image/png;base64,émoji", "unreadable"),
        (data_url(PNG + bytes(MAX_IMAGE_BYTES - len(PNG) + 1)), "too_large"),
        ("data:image/png;base64," + "A" * 40_000_000, "too_large"),
    ],
    ids=lambda value: value[-12:],
)
def test_an_image_that_training_does_not_take_is_skipped_and_fails_nothing(url: str, why: str) -> None:
    assert check_example("chat", {"messages": [image(url), GOOD]}, 1) is None
    assert skipped(url) == why


def test_the_largest_image_is_used() -> None:
    assert skipped(data_url(PNG + bytes(MAX_IMAGE_BYTES - len(PNG)))) is None


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            image("ftp://example.com/a"),
            ", message 1 part 1: 'image_url.url' must be an http(s) URL or a base64 data URL.",
        ),
        (
            image("data:image/png,abc"),
            ", message 1 part 1: 'image_url.url' must be an http(s) URL or a base64 data URL.",
        ),
        (image(detail="huge"), ", message 1 part 1: 'image_url.detail' must be 'auto', 'low' or 'high'."),
        ({**image(), "content": image()["content"] * 11}, " has 11 images, but must have at most 10."),
    ],
)
def test_what_is_no_image_is_a_defect(message: dict[str, Any], said: str) -> None:
    defect = check_example("chat", {"messages": [message, GOOD]}, 2)
    assert defect == Defect("bad_message", f"Invalid file format. Example 2{said}", 2)


def test_ten_images_are_fine() -> None:
    half = {**image(), "content": image()["content"] * 5}
    assert check_example("chat", {"messages": [half, half, GOOD]}, 1) is None


# -- a file and the method of a job --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("example", "supervised", "dpo", "reinforcement"),
    [
        ({"messages": [USER, GOOD]}, "chat", "chat", "chat"),
        ({"messages": [USER, GOOD], "answer": 1}, "chat", "chat", "reinforcement"),
        (prompt(answer=1), "chat", "chat", "reinforcement"),
        (preference(), "preference", "preference", "reinforcement"),
        (preference(messages=[]), "chat", "preference", "reinforcement"),
        ({"prompt": "a", "completion": "b"}, "prompt_completion", "preference", "reinforcement"),
        ({"text": "a"}, "unknown", "preference", "reinforcement"),
        ([], "unknown", "preference", "reinforcement"),
    ],
)
def test_the_first_example_tells_the_format_to_each_method(
    example: object, supervised: FileFormat, dpo: FileFormat, reinforcement: FileFormat
) -> None:
    assert detect(example) == detect(example, "supervised") == supervised
    assert detect(example, "dpo") == dpo
    assert detect(example, "reinforcement") == reinforcement


NOW = VirtualTime(5)
GPT_4O, MINI, O4 = (BASE_MODELS[id] for id in ("gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18", "o4-mini-2025-04-16"))


def outlook(format: FileFormat, examples: int = 12, *, screening: Screening | None = None, **more: Any) -> FileOutlook:
    report = FileReport(format, examples, None, None, 9, 9, dict.fromkeys(TRAIN_CONTEXTS, 9), 0.5, **more)
    return FileOutlook("file-A", "fine-tune", VirtualTime(0), report, screening=screening)


def fault(method: Method, training: FileOutlook, validation: FileOutlook | None = None, model: Any = None) -> JobError:
    model = model or (O4 if method == "reinforcement" else MINI)
    error = first_fault(model, training, validation, by=NOW, method=method)
    assert error is not None
    return error


def test_chat_under_dpo_is_told_in_the_recorded_words() -> None:
    assert fault("dpo", outlook("chat")) == JobError(
        "invalid_training_file",
        "The job failed due to an invalid training file. Invalid file format. Input file file-A is in the "
        "fine-tune-chat format, but the specified fine-tuning job is not using 'supervised' as the training method "
        "(provided method=dpo). ",
        "training_file",
    )


@pytest.mark.parametrize(
    ("format", "method", "name", "needs"),
    [
        ("chat", "reinforcement", "fine-tune-chat", "supervised"),
        ("preference", "supervised", "fine-tune-preference", "dpo"),
    ],
)
def test_other_formats_of_other_methods_are_told_likewise(
    format: FileFormat, method: Method, name: str, needs: str
) -> None:
    said = f"in the {name} format, but the specified fine-tuning job is not using '{needs}' as the training method "
    assert said + f"(provided method={method}). " in fault(method, outlook(format)).message


@pytest.mark.parametrize(
    ("format", "method"), [("chat", "supervised"), ("preference", "dpo"), ("reinforcement", "reinforcement")]
)
def test_a_file_in_the_format_of_the_method_is_good(format: FileFormat, method: Method) -> None:
    model = O4 if method == "reinforcement" else MINI
    assert first_fault(model, outlook(format), outlook(format, 1), by=NOW, method=method) is None


def test_the_format_comes_before_the_lines_and_these_before_their_number() -> None:
    defect = Defect("bad_message", "Invalid file format. Example 1 has no messages.", 1)
    report = FileReport("chat", 3, None, defect, 0, 0, {}, 0.5)
    file = FileOutlook("file-A", "fine-tune", VirtualTime(0), report)
    assert "provided method=dpo" in fault("dpo", file).message
    assert "has no messages" in fault("supervised", file).message


@pytest.mark.parametrize(("training", "validation"), [(50_000, 1_000)])
def test_reinforcement_has_a_largest_number_of_examples(training: int, validation: int) -> None:
    good = outlook("reinforcement", training), outlook("reinforcement", validation)
    assert first_fault(O4, *good, by=NOW, method="reinforcement") is None
    assert fault("reinforcement", outlook("reinforcement", training + 1)) == JobError(
        "invalid_n_examples",
        "Training file has 50001 example(s), but must have at most 50000 examples",
        "training_file",
    )
    assert fault("reinforcement", good[0], outlook("reinforcement", validation + 1)) == JobError(
        "invalid_n_examples", "Validation file has 1001 example(s), but must have at most 1000 examples",
        "validation_file",
    )  # fmt: skip
    assert first_fault(MINI, outlook("chat", 60_000), outlook("chat", 60_000), by=NOW) is None


def test_images_need_a_model_with_vision() -> None:
    file = outlook("chat", images=3, skipped_images=3, vision_examples=2)
    assert first_fault(GPT_4O, file, None, by=NOW) is None
    assert fault("supervised", file).message == (
        "The job failed due to an invalid training file. Invalid file format. Input file file-A contains images, but "
        "the specified model does not support vision fine-tuning (provided model=gpt-4o-mini-2024-07-18)."
    )


def test_a_file_has_a_largest_number_of_examples_with_images() -> None:
    good = outlook("chat", 60_000, images=50_000, vision_examples=50_000)
    assert first_fault(GPT_4O, good, None, by=NOW) is None
    bad = outlook("chat", 60_000, images=50_001, vision_examples=50_001)
    error = fault("supervised", bad, model=GPT_4O)
    assert (error.code, "50001 example(s) with images" in error.message) == ("invalid_n_examples", True)


# -- moderation ----------------------------------------------------------------------------------------------------


def screened(flagged: int, examples: int = 100, *categories: str) -> FileOutlook:
    lines = tuple(range(3, 3 + flagged))
    return outlook("chat", examples, screening=Screening(examples, flagged, lines, categories or ("hate",)))


def test_a_few_flagged_lines_are_named() -> None:
    """Row 11b [OBS]."""
    assert fault("supervised", screened(3)) == JobError(
        "invalid_training_file",
        "The job failed due to an invalid training file. This file failed moderation safety checks. The OpenAI "
        "Moderation API identifies fine tuning examples that violate our content policies. To fine tune on this data, "
        "please try removing the flagged lines and uploading the file again. Flagged lines: 3, 4, 5",
        "training_file",
    )


def test_many_flagged_lines_block_the_file() -> None:
    """Row 11 [OBS], under the newer code."""
    error = fault("supervised", screened(11, 100, "harassment", "hate"))
    assert (error.code, error.param) == ("unsafe_file", "training_file")
    assert error.message.startswith(
        "The job failed due to an unsafe training file. This training file was blocked because too many examples were "
        "flagged by our moderation API for containing content that violates OpenAI's usage policies in the following "
        "categories: harassment, hate. Use the free OpenAI Moderation API to identify these examples and remove them "
    )


def test_a_validation_file_is_blocked_in_its_own_words() -> None:
    """Row 11c [OBS]: the file at fault is named, and called a training file all the same."""
    error = fault("supervised", screened(0), screened(11))
    assert (error.code, error.param) == ("invalid_validation_file", "validation_file")
    assert error.message.startswith(
        "The job failed due to an invalid validation file. This training file was blocked by our moderation system "
        "because it contains too many examples that violate OpenAI's usage policies"
    )


def test_a_hundred_lines_are_named_at_most() -> None:
    assert fault("supervised", screened(100, 10_000)).code == "invalid_training_file"
    assert fault("supervised", screened(101, 10_000)).code == "unsafe_file"


def test_a_file_that_passes_moderation_is_good() -> None:
    assert first_fault(MINI, screened(0), screened(0), by=NOW) is None
