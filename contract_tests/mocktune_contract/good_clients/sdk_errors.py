"""What goes wrong in the official SDK, as ``Trouble``."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import TypeVar

import openai

from mocktune_contract.good_clients.rules import Trouble, retry_after_s

T = TypeVar("T")

http = importlib.import_module("httpx2" if int(openai.__version__.partition(".")[0]) >= 3 else "httpx")
"""The library the SDK speaks with: httpx2 since version 3."""


@contextmanager
def told_as_trouble() -> Iterator[None]:
    """Within it, an SDK's request raises ``Trouble`` and nothing else."""
    try:
        yield
    except openai.APIStatusError as error:
        message = error.body.get("message") if isinstance(error.body, dict) else error.message
        raise Trouble(error.status_code, str(message), error.code, retry_after_s(error.response.headers)) from error
    except openai.APIError as error:
        raise Trouble(0, repr(error)) from error
    except JSONDecodeError as error:  # the SDK passes an answer that is no JSON on as it is
        raise Trouble(0, f"an answer that is no JSON: {error.doc[:80]!r}") from error
    except http.HTTPError as error:  # in the midst of a stream its errors come through
        raise Trouble(0, repr(error)) from error


def whole(answer: T) -> T:
    """``answer``, unless it is the text of a page: that is what the SDK returns for another content type."""
    if isinstance(answer, str):
        raise Trouble(0, f"an answer that is no JSON: {answer[:80]!r}")
    return answer
