"""What the journal of a sandbox, ``/_mocktune/requests``, refuses, and what its verdict does. The words are
mocktune's own."""

from __future__ import annotations

from mocktune.domain.errors import ErrorKind, NotFoundError, ParameterError

_LIST = ("mocktune.requests.list",)
_FIND = ("mocktune.requests.find",)
_VERIFY = ("mocktune.requests.verify",)
_FILTERED = (*_LIST, *_FIND, "mocktune.requests.count", "mocktune.requests.wait_for_count", *_VERIFY)

NO_SUCH_REQUEST = ErrorKind(
    error=NotFoundError,
    message="There is no request '{id:.100}' in this sandbox's journal: it was never made, or dropped since.",
    param="id",
    source="mocktune",
    operations=("mocktune.requests.retrieve",),
)
NO_REQUEST_AFTER = ErrorKind(
    # A cursor that is gone: the journal is bounded.
    error=ParameterError,
    message="Invalid 'after': there is no request '{after:.100}' in this sandbox's journal.",
    code="invalid_value",
    param="after",
    source="mocktune",
    operations=(*_LIST, *_FIND),
)
NO_STATUS = ErrorKind(
    error=ParameterError,
    message="Invalid 'status': '{status:.100}' is no status; write a number such as 429, a class such as '4xx', or 0 "
    "for requests that got no answer.",
    code="invalid_value",
    param="status",
    source="mocktune",
    operations=_FILTERED,
)
NO_OPERATION = ErrorKind(
    error=ParameterError,
    message="Invalid 'operation': there is no operation '{operation:.100}'{nearest}",
    code="invalid_value",
    param="operation",
    source="mocktune",
    operations=_FILTERED,
)
COUNT_OR_RANGE = ErrorKind(
    error=ParameterError,
    message="Give either 'count', or 'at_least', 'at_most' or both.",
    code="invalid_value",
    source="mocktune",
    operations=_VERIFY,
)
NO_SUCH_FINDING = ErrorKind(
    error=ParameterError,
    message="Invalid 'allow': there is no finding '{code:.100}'{near}",
    code="invalid_value",
    param="allow",
    source="mocktune",
    operations=("mocktune.verdict.retrieve",),
)
