"""What each finding is called, and how to mend it.

The rulebook's kinds of defects are few, since the service has few codes; a remedy needs to know more, which the
sentence tells. The rows of ``_DEFECTS`` are looked through in order for one whose beginning fits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

ONE_A_LINE = "Write one JSON object a line, with a line end after each and nowhere else."


@dataclass(frozen=True, slots=True)
class Rule:
    """A name that never changes, and what to do."""

    name: str
    remedy: str


UNKNOWN = Rule("bad_message", "Mend what the sentence says.")

_BEGINNING = re.compile(
    r"Invalid file format\. (?:Example \d+)?(?:, (?:message \d+|(?:non_)?preferred_output|input))? ?"
)


def _rows(*rows: tuple[str, str, str]) -> tuple[tuple[re.Pattern[str], Rule], ...]:
    return tuple((re.compile(pattern), Rule(name, remedy)) for pattern, name, remedy in rows)


_ROLES = "system, developer, user, assistant, tool or function"
_MESSAGE = 'Write {"role": "user", "content": "…"}'

_DEFECTS = _rows(
    # What quotes the file comes first, so that no quoted text is taken for another sentence.
    (
        r"contains an extra \"",
        "extra_key",
        "Take the key out: the service knows no others. Keep such notes in a file of your own.",
    ),
    (
        r"No match for discriminator 'role'",
        "unknown_role",
        f"Use one of the roles {_ROLES}: 'human' is user, 'bot' and 'gpt' are assistant.",
    ),
    (
        r"follows no assistant message with the tool call",
        "tool_answers_no_call",
        "Put the tool message right behind the assistant message whose tool_calls have this id.",
    ),
    (
        r"\w+ contains an invalid token: ",
        "special_token",
        "Take the control token out of the text, or break it up, for example with a blank between < and |.",
    ),
    (r"Discriminator 'role' is missing", "missing_role", f'Add "role" to the message: {_ROLES}.'),
    (
        r"is missing key 'messages'",
        "missing_messages",
        'Put the conversation into a list: {"messages": [{"role": "user", "content": "…"}, …]}.',
    ),
    (r"is missing key '(?:input|(?:non_)?preferred_output|prompt|completion)'", "missing_key", "Add the missing key."),
    (r"is missing key 'content'", "missing_content", 'Add "content" to the message; only calls do without.'),
    (r"is missing key 'tool_call_id'", "missing_tool_call_id", "Add the id of the tool call that it answers."),
    (r"is missing key 'name'", "missing_name", "Add the name of the function that it answers for."),
    (
        r"Unexpected file format",
        "unexpected_format",
        'Write {"messages": [...]} a line for chat models, or make it so with mocktune convert.',
    ),
    (r"is not an object\.", "not_an_object", f"{_MESSAGE}, or take it out."),
    (r"'messages' must be a list", "messages_no_list", f'Put the messages into a list: "messages": [...]. {_MESSAGE}.'),
    (r"has no messages", "no_messages", "Take the example out, or give it a question and an answer."),
    (r"has \d+ images", "too_many_images", "Leave at most 10 images in an example, or split it."),
    (
        r"has no assistant message",
        "no_assistant_message",
        "Add the answer that is to be learned, as a message with the role assistant.",
    ),
    (
        r": the last message must be from the assistant",
        "last_message",
        "End the conversation with the answer that is to be learned, or cut off what follows it.",
    ),
    (
        r": the last message must be from the user",
        "last_message",
        "End with the user's prompt: the answer is sampled. Put a reference answer beside messages, under a key of its "
        "own.",
    ),
    (
        r"has nothing to learn: every assistant",
        "nothing_to_learn",
        "Give the answer that is to be learned the weight 1, or none.",
    ),
    (r"has nothing to learn: its completion", "nothing_to_learn", "Write a completion, or take the example out."),
    (r"has a 'weight'", "weight_not_by_assistant", "Take the weight out: only assistant messages may have one."),
    (r"'weight' must be", "bad_weight", "Write 0 (read, not learned) or 1 (learned), without quotes or a point."),
    (r"'name' must be", "bad_name", "Write the name as a string, or take it out."),
    (r"'refusal' must be", "bad_refusal", "Write the refusal as a string, or take it out."),
    (r"'tool_calls' is empty", "bad_tool_call", "Take the key tool_calls out where nothing is called."),
    (
        r"tool call \d+: 'function'|tool call \d+ |'tool_calls' must|'function_call' ",
        "bad_tool_call",
        'Write a call as {"id": "…", "type": "function", "function": {"name": "…", "arguments": "{…}"}}, its arguments '
        "as a string of JSON.",
    ),
    (r"'tool_call_id' must be", "missing_tool_call_id", "Write the id of the tool call that it answers, as a string."),
    (
        r"'content' must be a string, not null",
        "missing_content",
        'Write a text, or "" where there is none: only messages with calls may have null.',
    ),
    (
        r"'content' (?:must be|is an empty list)",
        "bad_content",
        'Write the content as a string, or as a list of parts such as {"type": "text", "text": "…"}.',
    ),
    (
        r"part \d+: only user messages",
        "image_not_by_user",
        "Move the image into a user message: training takes none from the others.",
    ),
    (r"part \d+: 'image_url\.detail'", "bad_content", "Write auto, low or high, or take the detail out."),
    (
        r"part \d+.*image_url\.url",
        "bad_content",
        'Write {"type": "image_url", "image_url": {"url": "https://…"}}, or a URL data:image/png;base64,….',
    ),
    (r"part \d+ ", "bad_content", 'Write {"type": "text", "text": "…"} or {"type": "image_url", "image_url": {…}}.'),
    (r"'parallel_tool_calls' must", "bad_tools", "Write true or false, without quotes."),
    (
        r"'(?:tools|functions)' must|: entry \d+ of",
        "bad_tools",
        'Write a list of {"type": "function", "function": {"name": "…", "parameters": {…}}}.',
    ),
    (r"'input' must", "bad_input", 'Write {"input": {"messages": [...]}, ...}.'),
    (r"must be text only", "image_in_preference", "Take the images out: preference training is of texts alone."),
    (
        r"'(?:non_)?preferred_output' must|must be from the assistant",
        "bad_output",
        'Write one answer: [{"role": "assistant", "content": "…"}].',
    ),
    (r"'(?:prompt|completion)' must be a string", "bad_text", "Write the text as a string, in quotes."),
)


@lru_cache(maxsize=4096)
def rule_of(detail: str) -> Rule:
    """Of a defect's ``detail``; files repeat their mistakes, so what was found is kept."""
    beginning = _BEGINNING.match(detail)
    place = beginning.end() if beginning else 0
    return next((rule for pattern, rule in _DEFECTS if pattern.match(detail, place)), UNKNOWN)


# -- lines that are no JSON object -----------------------------------------------------------------------------------

_FAULTS = _rows(
    (r"Line is longer", "line_too_long", "Split the example, or name images by https URLs instead of their bytes."),
    (r"Invalid UTF-8", "invalid_utf8", "Save the file as UTF-8: the bytes at this place are of another encoding."),
    (r"Expecting a JSON object", "not_an_object", 'Write an object, such as {"messages": [...]}.'),
    (r"Nesting is too deep|Number out of range|Invalid value", "not_json", "Write a value that JSON has."),
    (r"Expecting property name", "not_json", "Put keys into double quotes, and no comma before a closing brace."),
    (r"Invalid control character", "not_json", "Write a line end inside a text as \\n, a tab as \\t."),
    (r"Invalid \\", "not_json", "Write a backslash inside a text as \\\\."),
    (r"Extra data", "not_json", ONE_A_LINE),
    (r"Unterminated string|Expecting", "not_json", f"Close every quote, bracket and brace. {ONE_A_LINE}"),
)

BLANK_LINE = Rule("blank_line", "Take the line out: only the end of the file may be blank.")
_BYTE_ORDER_MARK = Rule("byte_order_mark", "Save the file as UTF-8 without a byte order mark.")
_JSON_ARRAY = Rule("json_array", f"The file is a list of JSON, not lines of it. {ONE_A_LINE}")
_SINGLE_QUOTES = Rule("not_json", "Write it with a JSON writer: these are Python's quotes, not JSON's.")


def rule_of_fault(line: bytes, fault: str) -> Rule:
    """Of a line that is no JSON object, and what its reader says of it."""
    if line.startswith(b"\xef\xbb\xbf"):
        return _BYTE_ORDER_MARK
    if line.lstrip()[:1] == b"[":
        return _JSON_ARRAY
    if line.startswith(b"{'"):
        return _SINGLE_QUOTES
    return next((rule for pattern, rule in _FAULTS if pattern.match(fault)), Rule("not_json", ONE_A_LINE))


# -- the file as a whole, and warnings ---------------------------------------------------------------------------------

REMEDIES = {
    "too_few_examples": "Add examples: 50 to 100 good ones are where a difference begins to show.",
    "too_many_examples": "Take a part of the examples: mocktune split makes one.",
    "wrong_method": "Choose the method that the file is for, or convert the file.",
    "wrong_model": "Choose a model that takes this format, or convert the file with mocktune convert.",
    "no_vision": "Choose a model with vision, such as gpt-4o-2024-08-06, or take the images out.",
    "duplicate_example": "Take the copy out, unless it is meant to count twice.",
    "in_both_files": "Take it out of one of the files: a validation loss over what was trained says nothing.",
    "conflicting_answers": "Decide which answer is right, or tell the model in the prompt what makes the difference.",
    "prompt_in_both_files": "Take one of them out: the validation file should ask what was not trained.",
    "inconsistent_system_prompt": "Use the same system prompt in every example, and later when you ask the model.",
    "nothing_to_learn": "Write the answer, or take the example out.",
    "same_outputs": "Let the two outputs differ, or take the example out.",
    "example_cut": "Shorten the example, or choose a model with a longer training context.",
    "answer_cut_off": "Shorten what stands before the answer, or choose a model with a longer training context.",
    "image_skipped": "Write the image as RGB or RGBA in JPEG, PNG or WEBP, of at most 10 MB.",
}
