"""``errors``: answers for respx, one for every error that the server knows, byte for byte as the server writes it."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Any

from mocktune.testing.error_examples import example

if TYPE_CHECKING:
    from starlette.responses import Response

    from mocktune.domain.errors import ApiError, ErrorKind

_PARAMETER_FIELDS = ("path", "name", "field", "which")
"""A template that quotes one of these whole is about that parameter, and ``param`` of the envelope names it."""

BY_STATUS = {
    "rate_limit_exceeded": 429, "server_error": 500, "bad_gateway": 502, "service_unavailable": 503,
    "gateway_timeout": 504, "request_timeout": 408,
}  # fmt: skip
"""Names for what the service says with a status, whatever was asked."""

_TELL_WHEN = frozenset({"chat.model_loading", "chat.model_overloaded", "rate_limit_exceeded"})
"""Their answers say after how many seconds to try again: 1, unless given."""

_FIRST = ("common", "jobs", "files", "models", "chat", "completions", "responses", "deployments", "graders")
"""Where a name that several resources have is looked for first."""


class Errors:
    """Every error by its name: ``errors.no_such_job(id="ftjob-1")``, ``errors["jobs.no_such_job"](id="ftjob-1")``.

    A call answers an ``httpx.Response``, which is what a route of respx returns, for httpx and, through pytest-httpx2,
    for httpx2 and the official SDK. ``errors.httpx2`` answers an ``httpx2.Response``, for an ``httpx2.MockTransport``;
    ``errors.azure`` speaks Azure's dialect; ``errors.status(429)`` says what the service says with that status.

    Keywords are the values in the error's text (those not given have examples) and ``param``, ``retry_after_s``,
    ``headers``. Iterating gives all names; ``dir`` those that may be written as attributes. An unknown name raises
    ``AttributeError`` or ``KeyError`` with the nearest one.
    """

    __slots__ = ("_azure", "_library")

    def __init__(self, *, azure: bool = False, library: str = "httpx") -> None:
        self._azure = azure
        self._library = library

    @property
    def azure(self) -> Errors:
        return Errors(azure=True, library=self._library)

    @property
    def httpx2(self) -> Errors:
        return Errors(azure=self._azure, library="httpx2")

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as unknown:
            raise AttributeError(unknown.args[0]) from None

    def __getitem__(self, name: str) -> Callable[..., Any]:
        found = _qualified(name)

        def answer(
            *, param: str | None = None, retry_after_s: float | None = None,
            headers: Mapping[str, str] | None = None, **values: Any,
        ) -> Any:  # fmt: skip
            after = 1.0 if retry_after_s is None and found in _TELL_WHEN else retry_after_s
            if found in BY_STATUS:
                return self.status(BY_STATUS[found], param=param, retry_after_s=after, headers=headers, **values)
            return self._answer(_error(found, values, param, after), after, headers)

        answer.__name__ = answer.__qualname__ = found
        return answer

    def status(
        self,
        status: int,
        *,
        message: str | None = None,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The answer of a fault that gives this status: 400 to 599."""
        from mocktune.domain.fault_answers import words_of
        from mocktune.domain.faults import FaultAnswer
        from mocktune.http.faulting import error_class

        if not 400 <= status <= 599:
            raise ValueError(f"{status} is no error: give a status of 400 to 599")
        words = words_of(FaultAnswer(status=status, message=message, type=type, code=code))
        kind = error_class(status)
        error = kind(words.message, code=words.code, param=param, type=words.type, **_when(kind, retry_after_s))
        if self._azure and error.code is None:
            error.code = str(status)
        return self._answer(error, retry_after_s, headers, status)

    def __iter__(self) -> Iterator[str]:
        """All names, those of one resource with its name before them, as in ``jobs.no_such_job``."""
        yield from BY_STATUS
        yield from _kinds()

    def __dir__(self) -> list[str]:
        return sorted({"azure", "httpx2", "status", *BY_STATUS, *(name.partition(".")[2] for name in _kinds())})

    def __repr__(self) -> str:
        return f"<{len(list(self))} errors{' of Azure' if self._azure else ''} as answers of {self._library}>"

    def _answer(
        self,
        error: ApiError,
        retry_after_s: float | None,
        headers: Mapping[str, str] | None,
        status: int | None = None,
    ) -> Any:
        from mocktune.http import azure
        from mocktune.http.errors import error_answer

        more = dict(headers or {})
        if retry_after_s is not None and error.retry_after_s is None:
            more.setdefault("retry-after", str(ceil(retry_after_s)))
        response = azure.error_answer(error) if self._azure else error_answer(error)
        response.status_code = status or response.status_code
        for name, value in more.items():
            response.headers[name] = value
        return _of_library(self._library, response)


errors = Errors()


def _of_library(library: str, response: Response) -> Any:
    """With the headers that every answer of the server has, beside those of the connection."""
    from importlib import import_module

    from mocktune.domain.ids import request_id
    from mocktune.http.answers import COMMON_HEADERS

    raw = [
        *response.raw_headers,
        *COMMON_HEADERS,
        (b"openai-organization", b"mocktune"),
        (b"openai-processing-ms", b"1"),
        (b"x-request-id", request_id(0, 1).encode("ascii")),
    ]
    own = {name for name, _ in response.raw_headers}
    headers = [each for n, each in enumerate(raw) if n < len(response.raw_headers) or each[0] not in own]
    return import_module(library).Response(response.status_code, headers=headers, content=bytes(response.body))


@cache
def _kinds() -> dict[str, ErrorKind]:
    """Every kind by its resource and name, in lower case."""
    from mocktune.http.capabilities import all_error_kinds

    return {name.lower(): kind for name, kind in all_error_kinds()}


def _qualified(name: str) -> str:
    """The full name of an error: it may be given in full, without its resource, or as the code it is answered with."""
    wanted, kinds = name.lower(), _kinds()
    if wanted in kinds or wanted in BY_STATUS:
        return wanted
    homes = [each.partition(".")[0] for each in kinds if each.partition(".")[2] == wanted]
    if homes:
        return f"{min(homes, key=_place)}.{wanted}"
    by_code = [each for each, kind in kinds.items() if kind.code is not None and kind.code.lower() == wanted]
    if by_code:
        return min(by_code, key=lambda each: _place(each.partition(".")[0]))
    from mocktune.domain.documents import nearest

    known = {*BY_STATUS, *kinds} if "." in wanted else {*BY_STATUS, *(each.partition(".")[2] for each in kinds)}
    raise KeyError(f"mocktune knows no error '{name:.100}'{nearest(wanted, known)}")


def _place(resource: str) -> int:
    return _FIRST.index(resource) if resource in _FIRST else len(_FIRST)


def _error(name: str, given: Mapping[str, object], param: str | None, retry_after_s: float | None) -> ApiError:
    from mocktune.domain.errors import MethodNotAllowedError, ParameterError

    kind = _kinds()[name]
    fields = {field: spec or "" for _, field, spec, _ in string.Formatter().parse(kind.message) if field is not None}
    unknown = [each for each in given if each not in fields]
    if unknown:
        has = f"the text of {name} has {', '.join(fields)}" if fields else f"the text of {name} has no values"
        raise TypeError(f"unexpected keyword {unknown[0]!r}: {has}; there are param, retry_after_s and headers too")
    values = {field: given.get(field, example(name, field)) for field in fields}
    about = next((each for each in _PARAMETER_FIELDS if fields.get(each) == ""), None)
    if about is not None and param is None and issubclass(kind.error, ParameterError):
        param = str(values[about])
    # A template that cuts a value cuts text.
    texts: dict[str, Any] = {
        each: str(value) if fields[each].startswith(".") else value for each, value in values.items()
    }
    error = kind(param=param, **_when(kind.error, retry_after_s), **texts)
    if isinstance(error, MethodNotAllowedError):
        error.allowed = ("GET", "POST")
    return error


def _when(error: type[ApiError], retry_after_s: float | None) -> dict[str, Any]:
    """For errors that tell when to try again; others are given the header alone."""
    from mocktune.domain.errors import RateLimitError, ServiceUnavailableError

    return {"retry_after_s": retry_after_s} if issubclass(error, (RateLimitError, ServiceUnavailableError)) else {}
