"""The one question that may be asked of a server nobody vouched for: whether it is a mocktune server."""

from __future__ import annotations

import http.client
import json
import ssl
from urllib.parse import urlsplit

MAX_ANSWER_BYTES = 4096


def is_mocktune(root: str, timeout_s: float) -> bool:
    """Whether a mocktune server answers at ``root`` (without ``/v1``). ``GET ROOT/_mocktune/health`` is asked, without
    a key, without a proxy, and without following where an answer may lead.

    Raises ``OSError`` where nobody answers, and ``ValueError`` for what is no URL.
    """
    at = urlsplit(root)
    if at.scheme not in ("http", "https") or not at.hostname:
        raise ValueError(f"'{root}' is no URL of a server: http://HOST:PORT/v1")
    dial = http.client.HTTPSConnection if at.scheme == "https" else http.client.HTTPConnection
    connection = dial(at.hostname, at.port, timeout=timeout_s)
    try:
        connection.request("GET", f"{at.path.rstrip('/')}/_mocktune/health", headers={"accept": "application/json"})
        answer = connection.getresponse()
        if answer.status != 200:
            return False
        said = json.loads(answer.read(MAX_ANSWER_BYTES))
    except (http.client.HTTPException, ssl.SSLError, UnicodeError, RecursionError):
        return False
    except ValueError:
        return False
    finally:
        connection.close()
    return isinstance(said, dict) and said.get("status") == "ok" and isinstance(said.get("version"), str)
