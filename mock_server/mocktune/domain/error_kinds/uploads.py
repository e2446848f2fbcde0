"""What ``/uploads`` refuses. Nobody recorded any of its words; what is refused follows the official description."""

from __future__ import annotations

from mocktune.domain.errors import (
    ErrorKind,
    InvalidRequestError,
    NotFoundError,
    ParameterError,
    ServiceUnavailableError,
)

_ADD_PART = ("uploads.parts.create",)
_COMPLETE = ("uploads.complete",)

NO_SUCH_UPLOAD = ErrorKind(
    error=NotFoundError,
    message="No such Upload object: {id:.200}",
    param="id",
    source="assumed",
    operations=(*_ADD_PART, *_COMPLETE, "uploads.cancel"),
)
NOT_PENDING = ErrorKind(
    # 400 and not 409: the official SDKs send a request that was answered 409 again, and it would never help.
    error=InvalidRequestError,
    message='Cannot {do} upload {id}: it already has status "{status}".',
    source="assumed",
    operations=(*_ADD_PART, *_COMPLETE, "uploads.cancel"),
)
TOO_MANY_PENDING = ErrorKind(
    error=ServiceUnavailableError,
    message="This sandbox has {most} pending uploads and takes no more; complete or cancel some.",
    source="mocktune",
    operations=("uploads.create",),
)
EMPTY_PART = ErrorKind(
    error=ParameterError,
    message="The part is empty.",
    param="data",
    source="assumed",
    operations=_ADD_PART,
)
TOO_MANY_BYTES = ErrorKind(
    error=ParameterError,
    message="An upload can hold at most {most} bytes; with this part, upload {id} would hold {size}.",
    param="data",
    source="assumed",
    operations=_ADD_PART,
)
TOO_MANY_PARTS = ErrorKind(
    error=InvalidRequestError,
    message="Upload {id} has {most} parts; mocktune takes no more.",
    source="mocktune",
    operations=_ADD_PART,
)
UNKNOWN_PART = ErrorKind(
    error=ParameterError,
    message="Upload {id} has no part '{part:.200}'.",
    param="part_ids",
    source="assumed",
    operations=_COMPLETE,
)
REPEATED_PART = ErrorKind(
    error=ParameterError,
    message="The part '{part}' is named more than once.",
    param="part_ids",
    source="assumed",
    operations=_COMPLETE,
)
OTHER_SIZE = ErrorKind(
    error=InvalidRequestError,
    message="The parts hold {size} bytes, but upload {id} was created for {declared} bytes.",
    source="assumed",
    operations=_COMPLETE,
)
OTHER_MD5 = ErrorKind(
    error=ParameterError,
    message="The MD5 checksum of the uploaded bytes is {actual}, not '{given:.64}'.",
    param="md5",
    source="assumed",
    operations=_COMPLETE,
)
