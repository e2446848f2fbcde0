"""Every error the service can answer, as a tree without HTTP.

::

    ApiError                       anything a client is told, in the API's envelope
    ├─ InvalidRequestError         the request is wrong
    │  ├─ ParameterError           one field of it is: ``param`` names it
    │  └─ PayloadTooLargeError     too many bytes
    ├─ AuthenticationError         no key, or not a valid one
    ├─ PermissionDeniedError       the key is good, the action is not allowed
    ├─ NotFoundError               no such object or URL
    │  └─ MethodNotAllowedError    the URL exists, the method does not
    ├─ ConflictError               the object is not in a state for this
    ├─ RateLimitError              too much, or not yet: ``retry_after_s`` says when
    │  └─ ModelLoadingError        a tuned model that is not in memory yet
    ├─ ServiceUnavailableError     overloaded, or a cap of this server was reached
    └─ InternalServerError         our fault

``http/errors.py`` maps each class to a status. Message texts are wire contract; the source of each is named in its
kind, in ``domain/error_kinds``. The envelope is ``{"error": {"message", "type", "param", "code"}}``, all four keys
always.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


class ApiError(Exception):
    """An answer in the API's error envelope.

    ``type`` is the envelope's, fixed by class unless given; ``code`` and ``param`` are null unless given. ``kind`` is
    the one it was made from, ``stall_s`` how long the answer is held back, in seconds of wall time.
    """

    default_type: ClassVar[str] = "invalid_request_error"
    kind: ErrorKind | None = None
    stall_s: float = 0.0

    def __init__(
        self, message: str, *, code: str | None = None, param: str | None = None, type: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.type = type or self.default_type

    @property
    def retry_after_s(self) -> float | None:
        """Seconds of wall time after which the client may try again; None where waiting does not help."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorKind:
    """One error of the API as data: its words, and how they are known. Called with the values in them, it is the error.

    ``message`` is a template; values are cut at 200 characters by writing ``{id:.200}``. ``source`` names a source of
    ``docs/explanation/sources.md``, or ``assumed`` where nobody recorded the words. ``operations`` are those that
    answer it, in the SDK's names. The kinds of a resource stand together in ``domain/error_kinds/<resource>.py``.
    """

    error: type[ApiError]
    message: str
    source: str
    operations: tuple[str, ...]
    code: str | None = None
    param: str | None = None
    type: str | None = None

    def __call__(self, *, param: str | None = None, retry_after_s: float | None = None, **values: object) -> ApiError:
        more: dict[str, Any] = {} if self.type is None else {"type": self.type}
        if retry_after_s is not None:
            more["retry_after_s"] = retry_after_s
        error = self.error(self.message.format(**values), code=self.code, param=param or self.param, **more)
        error.kind = self
        return error


class InvalidRequestError(ApiError):
    """The request as a whole is wrong."""


class ParameterError(InvalidRequestError):
    """One parameter is wrong; ``param`` is its dotted path."""

    def __init__(self, message: str, *, param: str | None, code: str | None = None, type: str | None = None) -> None:
        super().__init__(message, code=code, param=param, type=type)


class PayloadTooLargeError(InvalidRequestError):
    """More bytes than the route takes."""

    default_type = "server_error"


class AuthenticationError(ApiError):
    """No API key, or one that is not valid."""


class PermissionDeniedError(ApiError):
    """The caller may not do this."""


class NotFoundError(ApiError):
    """No such object or URL."""


class MethodNotAllowedError(NotFoundError):
    """The URL exists, but not with this method; with those of ``allowed``."""

    allowed: tuple[str, ...] = ()


class ConflictError(ApiError):
    """The object's state does not allow this now."""


class RateLimitError(ApiError):
    """Too many requests, or too early."""

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        code: str | None = None,
        param: str | None = None,
        type: str | None = None,
    ) -> None:
        super().__init__(message, code=code, param=param, type=type)
        self._retry_after_s = retry_after_s

    @property
    def retry_after_s(self) -> float | None:
        return self._retry_after_s


class ModelLoadingError(RateLimitError):
    """OBS, help article 6643004: a cold model answers 429 with type server_error."""

    default_type = "server_error"


class ServiceUnavailableError(ApiError):
    """Overloaded, or a cap of this server was reached."""

    default_type = "server_error"

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        code: str | None = None,
        param: str | None = None,
        type: str | None = None,
    ) -> None:
        super().__init__(message, code=code, param=param, type=type)
        self._retry_after_s = retry_after_s

    @property
    def retry_after_s(self) -> float | None:
        return self._retry_after_s


class InternalServerError(ApiError):
    """A fault of ours."""

    default_type = "server_error"
