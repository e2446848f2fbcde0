"""What ``/files`` refuses, and in which words; and what is wrong with a form or a blob that brings any bytes here."""

from __future__ import annotations

from mocktune.domain.errors import (
    ConflictError,
    ErrorKind,
    NotFoundError,
    ParameterError,
    ServiceUnavailableError,
)

_CREATE = "files.create"
_FORMS = (_CREATE, "uploads.parts.create")
_NEW_FILES = (_CREATE, "uploads.complete")

# -- the file ----------------------------------------------------------------------------------------------------------

NO_SUCH_FILE = ErrorKind(
    error=NotFoundError,
    message="No such File object: {id:.200}",
    param="id",
    source="OBS",
    operations=("files.retrieve", "files.delete", "files.content"),
)
FILE_IN_PROCESSING = ErrorKind(
    error=ConflictError,
    message="File is still processing. Check back later.",
    source="OBS",
    operations=("files.delete",),
)
UNKNOWN_PURPOSE = ErrorKind(
    error=ParameterError,
    # In jsonschema's style, with the list as Python writes it.
    message="{purpose!r} is not one of {purposes} - 'purpose'",
    source="OBS",
    operations=(_CREATE, "uploads.create"),
)
EMPTY_FILE = ErrorKind(
    error=ParameterError,
    message="File is empty.",
    source="assumed",
    operations=(_CREATE,),
)
NOT_NAMED_JSONL = ErrorKind(
    error=ParameterError,
    message="Invalid file format for Fine-Tuning API. Must be .jsonl",
    source="OBS",
    operations=_NEW_FILES,
)
FIRST_LINE_NO_OBJECT = ErrorKind(
    error=ParameterError,
    message=(
        "Expected file to have JSONL format, where every line is a valid JSON dictionary. Line 1 is not a dictionary "
        '(HINT: line starts with: "{beginning}...").'
    ),
    source="OBS",
    operations=_NEW_FILES,
)

# -- the form ----------------------------------------------------------------------------------------------------------

NO_FORM = ErrorKind(
    error=ParameterError,
    message="The request body must be sent as multipart/form-data with a boundary.",
    code="invalid_content_type",
    source="assumed",
    operations=_FORMS,
)
MISSING_FIELD = ErrorKind(
    error=ParameterError,
    message="Missing required parameter: '{field}'.",
    code="missing_required_parameter",
    source="REC 5.3",
    operations=_FORMS,
)
UNREADABLE_FORM = ErrorKind(
    error=ParameterError,
    message="The multipart body could not be parsed: {problem:.200}.",
    source="assumed",
    operations=_FORMS,
)
FORM_CUT_SHORT = ErrorKind(
    error=ParameterError,
    message="The multipart body ended before its closing boundary.",
    source="assumed",
    operations=_FORMS,
)
REPEATED_FILE = ErrorKind(
    error=ParameterError,
    message="The multipart body has more than one '{field}' part.",
    source="assumed",
    operations=_FORMS,
)
TOO_MANY_FIELDS = ErrorKind(
    error=ParameterError,
    message="The multipart body has more than {most} parts.",
    source="mocktune",
    operations=_FORMS,
)
FIELD_TOO_LONG = ErrorKind(
    error=ParameterError,
    message="The form field '{field:.100}' is too long.",
    source="mocktune",
    operations=_FORMS,
)
FIELD_HEADERS_TOO_LONG = ErrorKind(
    error=ParameterError,
    message="The headers of a part of the multipart body are longer than {most} bytes.",
    source="mocktune",
    operations=_FORMS,
)

# -- the bytes ---------------------------------------------------------------------------------------------------------

_READY_MADE = tuple(f"mocktune.state.{each}.create" for each in ("files", "jobs", "models", "gallery"))
"""Which bring the bytes of files that are made."""

NO_ROOM = ErrorKind(
    error=ServiceUnavailableError,
    message="This mocktune server keeps at most {most} bytes of uploads; delete files or raise --max-disk.",
    source="mocktune",
    operations=(*_FORMS, *_READY_MADE),
)
NOT_STORED = ErrorKind(
    error=ServiceUnavailableError,
    message="The upload could not be stored: {problem}.",
    source="mocktune",
    operations=(*_FORMS, *_READY_MADE),
)
