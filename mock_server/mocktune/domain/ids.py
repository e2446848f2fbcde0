"""Identifiers in the API's shapes, each a pure function of a seed and a count.

Shapes: ``ftjob-`` + 24, ``file-`` + 22 (since late 2024), ``ftevent-`` + 24, ``ftckpt_`` + 24, ``req_`` + 32 hex
[OBS CN1229, RUBY, PINOLO]; ``chatcmpl-`` + 29 and ``org-`` + 24 as in recorded answers. Ids are counted per kind of
object, so that a chat call never shifts the id of a job.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from mocktune.domain.clock import VirtualTime, unix_seconds
from mocktune.domain.draws import BASE62, derive_seed, digest, from_digits, integer, text, to_digits

Kind = Literal[
    "job", "file", "azure_job", "azure_file", "checkpoint", "chat", "organization", "fingerprint", "upload",
    "upload_part", "permission", "completion", "moderation", "response", "response_item", "webhook_endpoint",
    "webhook_event",
]  # fmt: skip

_HEX = "0123456789abcdef"

_SHAPES: dict[Kind, tuple[str, int, str]] = {
    "job": ("ftjob-", 24, BASE62),
    "file": ("file-", 22, BASE62),
    "checkpoint": ("ftckpt_", 24, BASE62),
    "chat": ("chatcmpl-", 29, BASE62),
    "organization": ("org-", 24, BASE62),
    "fingerprint": ("fp_", 10, _HEX),
    # learn.microsoft.com, samples of the Azure REST reference.
    "azure_job": ("ftjob-", 32, _HEX),
    "azure_file": ("file-", 32, _HEX),
    "upload": ("upload_", 32, _HEX),
    "upload_part": ("part_", 32, _HEX),
    "permission": ("cp_", 24, BASE62),
    "completion": ("cmpl-", 29, BASE62),
    "moderation": ("modr-", 29, BASE62),
    "response": ("resp_", 48, _HEX),
    "response_item": ("msg_", 48, _HEX),
    "webhook_endpoint": ("whe_", 24, BASE62),
    "webhook_event": ("evt_", 24, BASE62),
}

_INDEX_DIGITS = 7
_INDEX_SPAN = 62**_INDEX_DIGITS
_PROOF_DIGITS = 17
_EVENT_PREFIX = "ftevent-"


def object_id(kind: Kind, seed: int, *which: str | int) -> str:
    """The id of the object of ``kind`` counted or named by ``which``."""
    prefix, length, alphabet = _SHAPES[kind]
    return prefix + text(seed, length, kind, *which, alphabet=alphabet)


def candidates(counted: str, seed: int, ordinal: int) -> list[str]:
    """The ids that the object number ``ordinal`` of what is ``counted`` may get, whatever dialect asks for it."""
    return [object_id(kind, seed, ordinal) for kind in _SHAPES if kind.removeprefix("azure_") == counted]


def request_id(seed: int, ordinal: int) -> str:
    """``x-request-id`` of a sandbox's request number ``ordinal``."""
    return "req_" + digest(seed, "request", ordinal, size_bytes=16).hex()


def event_id(job_seed: int, index: int) -> str:
    """The id of event ``index`` (oldest is 0) of a job.

    Seven digits hold the index, scrambled by an affine step that differs per job; seventeen prove that the id is one
    of this job's. So a cursor leads back to its event in constant time, though events are never stored.
    """
    factor, shift = _affine(job_seed)
    scrambled = (index * factor + shift) % _INDEX_SPAN
    return _EVENT_PREFIX + to_digits(scrambled, _INDEX_DIGITS) + text(job_seed, _PROOF_DIGITS, "event", index)


def event_index(job_seed: int, id: str) -> int | None:
    """The index of the event an id names; None for an id that is not one of this job's."""
    digits = id.removeprefix(_EVENT_PREFIX)
    if len(digits) != _INDEX_DIGITS + _PROOF_DIGITS:
        return None
    scrambled = from_digits(digits[:_INDEX_DIGITS])
    if scrambled is None:
        return None
    factor, shift = _affine(job_seed)
    index = (scrambled - shift) * pow(factor, -1, _INDEX_SPAN) % _INDEX_SPAN
    return index if event_id(job_seed, index) == id else None


@lru_cache(maxsize=4096)
def _affine(job_seed: int) -> tuple[int, int]:
    # 62 = 2 * 31: a factor that is odd and no multiple of 31 is invertible modulo 62**7.
    factor = derive_seed(job_seed, "event factor") % _INDEX_SPAN | 1
    while factor % 31 == 0:
        factor += 2
    return factor, derive_seed(job_seed, "event shift") % _INDEX_SPAN


def model_suffix_id(seed: int, created_at: VirtualTime, *which: str | int) -> str:
    """The eight characters that end a tuned model's name.

    Ids of one period share their first characters (contract 4.11: ``9uJP…``): two digits tell the time, in steps of
    about twelve days, six are drawn.
    """
    period = unix_seconds(created_at) // (1 << 20) % 62**2
    return to_digits(period, 2) + text(seed, 6, "model", *which)


def azure_model_id(seed: int, *which: str | int) -> str:
    """The 32 digits that end the name of a model tuned on Azure."""
    return text(seed, 32, "azure model", *which, alphabet=_HEX)


def service_seed(job_seed: int) -> int:
    """The ``seed`` a job shows when none was given: nine or ten digits below 2**31 [OBS]."""
    return integer(job_seed, 100_000_000, 2_147_483_647, "seed")
