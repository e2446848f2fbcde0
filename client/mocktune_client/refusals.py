"""Requests that were not answered well, each a class that says what to do next.

::

    TuningError
    ├─ Refused                  ``status_code``, ``code``, ``param``, ``request_id`` and what the service ``said``
    │  ├─ TrainingNotAvailable  the organization may not create jobs                    403 training_not_available
    │  ├─ QuotaExceeded         nothing is left to spend                                429 insufficient_quota
    │  ├─ DailyLimitReached     today's jobs of this model are used up                  429 daily_rate_limit_exceeded
    │  ├─ RateLimited           too many requests, tokens or active jobs, for too long  429
    │  ├─ KeyRefused            no key, or not one of this service                      401
    │  ├─ PermissionRefused     the key may not do this                                 403, 401 missing_scope
    │  ├─ ModelNotTunable       the model is none that can be tuned with this key       400 model_not_available
    │  ├─ ModelUnknown          the model is not there, or not yet                      404 model_not_found
    │  ├─ DeploymentMissing     on Azure: no deployment of that name, or not yet        404 DeploymentNotFound
    │  ├─ ObjectUnknown         no such file, job or URL                                404
    │  ├─ FileInProcess         the file is still being processed                       409
    │  ├─ RequestInvalid        the request as it is cannot be served                   400, 409, 413, 422
    │  └─ ServiceFailed         the service's own fault                                 408, 5xx
    └─ Unreachable              no whole answer came: the connection, a proxy, a time-out

What a tuner raises is at the same time the SDK's own error: ``except openai.RateLimitError`` catches a
``QuotaExceeded`` as well, with its ``response`` and ``body``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from mocktune_client.errors import TuningError

if TYPE_CHECKING:
    import openai

LONGEST_TEXT = 2_000
"""Characters kept of what a service says; a proxy may answer with a whole page."""


class _Unanswered(TuningError):
    """What both kinds share. Pickled, it is one of our classes alone: the SDK's hold an open connection."""

    advice: ClassVar[str]
    own: ClassVar[type[_Unanswered]]

    def __reduce__(self) -> tuple[type[_Unanswered], tuple[object, ...]]:
        return getattr(self, "own", type(self)), self.args


class Refused(_Unanswered):
    """The service refused a request. ``said`` are its words; ``code`` and ``param`` are None where it gave none."""

    advice = "Correct the request, then send it again."

    def __init__(
        self,
        said: str,
        status_code: int,
        code: str | None = None,
        param: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(said, status_code, code, param, request_id)
        self.said = said
        self.status_code = status_code
        self.code = code
        self.param = param
        self.request_id = request_id

    def __str__(self) -> str:
        # Whoever is asked for help with a fault of the service wants to know the request.
        request_id = self.request_id if self.status_code >= 500 else None
        facts = ", ".join(filter(None, (self.code, f"HTTP {self.status_code}", request_id)))
        return f"{self.said.rstrip('. ')} ({facts}). {self.remedy()}"

    def remedy(self) -> str:
        """What to do next, in a sentence or two."""
        return self.advice


class TrainingNotAvailable(Refused):
    advice = (
        "No retry changes that: use a key of an organization that may still train, or another service such as Azure. "
        "Files can still be uploaded, and tuned models go on answering."
    )

    def remedy(self) -> str:
        if "plan" in self.said:
            return "Move the organization to a paid plan, then start again."
        return self.advice


class QuotaExceeded(Refused):
    advice = "Waiting does not help: add credit, or raise the budget of the organization or project, then start again."


class DailyLimitReached(Refused):
    advice = (
        "Waiting for minutes does not help: a place is free after midnight UTC. Start again then, or tune another "
        "model; /fine_tuning/model_limits shows what is left of each."
    )


class RateLimited(Refused):
    advice = "It was waited for in vain. Ask less often and with fewer clients at once, then start again."

    def remedy(self) -> str:
        if "active requests" in self.said or "concurrent" in self.said:
            return (
                "It was waited for in vain. A place is free when one of the organization's jobs ends: wait longer, or "
                "cancel one. /fine_tuning/model_limits shows how many there may be."
            )
        return self.advice


class KeyRefused(Refused):
    advice = "Set OPENAI_API_KEY (on Azure AZURE_OPENAI_API_KEY) to a key of the service that base_url names."


class PermissionRefused(Refused):
    advice = "Give the key the permission that is named, use one that has it, or ask whoever owns the project."

    def remedy(self) -> str:
        if self.code == "unsupported_country_region_territory":
            return "The service does not serve this country: go by a network where it does."
        return self.advice


class ModelNotTunable(Refused):
    advice = (
        "Check the name, and that this organization may tune it: /fine_tuning/model_limits names those it may. "
        "A tuned model that was just made may need some minutes."
    )


class ModelUnknown(Refused):
    advice = (
        "Check the name, and that this key's project may use the model; a new one may need some minutes, and one whose "
        "base model was shut down, or that was deleted, does not come back."
    )


class DeploymentMissing(Refused):
    advice = (
        "On Azure a model answers under the name of a deployment, not its own: create one of the model (Tuner.deploy, "
        "or the portal), and ask for it by that name. A new one may need some minutes."
    )


class ObjectUnknown(Refused):
    advice = "Check the id, and that this key's project is the one it was made in."

    def remedy(self) -> str:
        if self.said.startswith(("Invalid URL", "Resource not found", "Not Found", "404")):
            return "Check base_url (on Azure the api-version too): this service has nothing at that address."
        return self.advice


class FileInProcess(Refused):
    advice = "Wait until its status is processed or error, then ask again: Tuner.delete_file does."


class RequestInvalid(Refused):
    def remedy(self) -> str:
        if self.status_code == 413:
            return "Split the file, or upload it in parts: Tuner.upload_once does."
        if self.param in ("training_file", "validation_file"):
            return f"Give as {self.param} the id of a processed file of this project with the purpose fine-tune."
        if "JSONL format" in self.said or ".jsonl" in self.said:
            return (
                "Write one JSON object a line into a file whose name ends in .jsonl; mocktune check names each fault."
            )
        if "disabled for free accounts" in self.said:
            return "Keep your own copy of training files: a free account cannot read them back. Results can be read."
        if "already completed" in self.said or "that already has status" in self.said:
            return "Nothing is left to do: it has ended."
        if self.param:
            return f"Correct {self.param}, then send the request again."
        return self.advice


class ServiceFailed(Refused):
    advice = (
        "The fault is the service's. Nothing is lost: start again later, and what there is already is gone on with."
    )


class Unreachable(_Unanswered):
    """No whole answer came; ``reason`` says what happened to the connection."""

    advice = (
        "Check base_url and the network. Nothing is lost: start again later, and what there is already is gone on with."
    )

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The service could not be reached: {self.reason.rstrip('. ')}. {self.advice}"


# -- from the SDK's errors ---------------------------------------------------------------------------------------------


def told(error: Exception) -> Exception:
    """``error`` as it is raised to a user: one of the SDK's becomes one of this tree that is the SDK's as well."""
    import openai

    if isinstance(error, TuningError):
        return error
    if isinstance(error, openai.APIStatusError):
        said = _said(error)
        found = _kind(error, said)
        return _both(found, error, (said, error.status_code, error.code, error.param, error.request_id))
    if isinstance(error, openai.APIConnectionError):
        reason = (
            "no answer in time" if isinstance(error, openai.APITimeoutError) else _one_line(error.__cause__ or error)
        )
        return _both(Unreachable, error, (reason,))
    if isinstance(error, openai.APIResponseValidationError):
        return _both(Unreachable, error, (_one_line(error),))
    return error


def _both(kind: type[_Unanswered], error: openai.APIError, facts: tuple[object, ...]) -> Exception:
    mixed: Any = _mixed(kind, type(error))
    made: Exception = mixed.__new__(mixed, *facts)
    ours = kind(*facts)
    # Both halves bring what their __init__ would have set; the notes of the SDK's error come along.
    vars(made).update(vars(error) | vars(ours))
    return made


_MIXED: dict[tuple[type[_Unanswered], type[Exception]], type] = {}


def _mixed(kind: type[_Unanswered], sdk: type[Exception]) -> type:
    """The class that is both. There are few kinds, and the SDK has few classes."""
    if (kind, sdk) not in _MIXED:
        members = {"__module__": kind.__module__, "__doc__": kind.__doc__, "own": kind}
        _MIXED[kind, sdk] = type(kind.__name__, (kind, sdk), members)
    return _MIXED[kind, sdk]


_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "insufficientquota"})
_BY_CODE: dict[str, type[Refused]] = {
    "training_not_available": TrainingNotAvailable,
    "daily_rate_limit_exceeded": DailyLimitReached,
    "model_not_available": ModelNotTunable,
    "model_not_found": ModelUnknown,
    "deploymentnotfound": DeploymentMissing,
    "missing_scope": PermissionRefused,
    **dict.fromkeys(_QUOTA, QuotaExceeded),
}
_BY_STATUS: dict[int, type[Refused]] = {
    401: KeyRefused,
    403: PermissionRefused,
    404: ObjectUnknown,
    408: ServiceFailed,
    429: RateLimited,
}
_BY_WORDS: tuple[tuple[Callable[[int, str], bool], type[Refused]], ...] = (
    (lambda status, said: status in (400, 403) and "cannot be created on" in said, TrainingNotAvailable),
    (lambda status, said: status in (401, 403) and "issing scopes" in said, PermissionRefused),
    (lambda status, said: status == 409 and "still processing" in said, FileInProcess),
    (lambda status, said: status == 404 and said.startswith("The model "), ModelUnknown),
)
"""For refusals without a code of their own [OBS]."""


def _kind(error: openai.APIStatusError, said: str) -> type[Refused]:
    for name in (error.code, error.type):
        if isinstance(name, str) and (kind := _BY_CODE.get(name.lower())):
            return kind
    for fits, kind in _BY_WORDS:
        if fits(error.status_code, said):
            return kind
    if error.status_code >= 500:
        return ServiceFailed
    return _BY_STATUS.get(error.status_code, RequestInvalid)


def _said(error: openai.APIStatusError) -> str:
    """The service's own words on one line; a page of HTML says no more than its status."""
    body = error.body
    message = body.get("message") if isinstance(body, dict) else body
    if isinstance(message, str) and message.strip() and not message.lstrip().startswith("<"):
        return _one_line(message)
    return str(error.response.reason_phrase or "the service gave no reason")


def _one_line(text: object) -> str:
    """What a terminal cannot obey, at most ``LONGEST_TEXT`` characters of it."""
    shown = "".join(each if each.isprintable() else " " for each in str(text)[:LONGEST_TEXT])
    return " ".join(shown.split()) or "no reason was given"
