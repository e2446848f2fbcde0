"""HTTP without an SDK: one way through the API, over three libraries.

A ``Wire`` sends a request and returns what came back, whatever its status; where no whole answer came it raises
``Trouble``. Which of their errors say so is what the libraries differ in most.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import httpx2

from mocktune_contract.good_clients import rules
from mocktune_contract.good_clients.rules import Backoff, GaveUp, Outcome, Trouble, next_poll_s

if TYPE_CHECKING:
    import requests


@dataclass(frozen=True, slots=True)
class Answer:
    """``headers`` by their names in lower case, or without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire(Protocol):
    def send(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Answer: ...


class Httpx2Wire:
    """``client`` has the base URL, the key and a time-out. A body that is cut short is an error of its own here."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def send(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Answer:
        headers = {"content-type": content_type} if content_type else {}
        try:
            answer = self._client.request(method, path, content=body, headers=headers)
        except httpx2.HTTPError as error:
            raise Trouble(0, repr(error)) from error
        return Answer(answer.status_code, answer.headers, answer.content)


class RequestsWire:
    def __init__(self, session: requests.Session, base_url: str, *, timeout_s: float) -> None:
        self._session = session
        self._base_url = base_url
        self._timeout_s = timeout_s

    def send(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Answer:
        import requests

        headers = {"content-type": content_type} if content_type else {}
        try:
            # A time-out is given each time: without one requests waits for ever.
            answer = self._session.request(
                method, self._base_url + path, data=body, headers=headers, timeout=self._timeout_s
            )
        except requests.RequestException as error:
            raise Trouble(0, repr(error)) from error
        return Answer(answer.status_code, answer.headers, answer.content)


class UrllibWire:
    """The standard library. Errors of the connection come as ``OSError``, broken answers as ``HTTPException``."""

    def __init__(self, base_url: str, api_key: str, *, timeout_s: float) -> None:
        self._base_url = base_url
        self._key = {"authorization": f"Bearer {api_key}"}
        self._timeout_s = timeout_s
        # No proxies: the service is asked itself.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def send(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Answer:
        headers = {**self._key, **({"content-type": content_type} if content_type else {})}
        request = urllib.request.Request(self._base_url + path, body or None, headers, method=method)
        try:
            try:
                answer = self._opener.open(request, timeout=self._timeout_s)
            except urllib.error.HTTPError as error:
                answer = error  # a status of 400 and more: an answer like any other
            with answer:
                return Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise Trouble(0, repr(error)) from error


class RawClient:
    """From examples to a model that answers, in the API's own JSON."""

    def __init__(
        self,
        wire: Wire,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wire = wire
        self._sleep = sleep
        self._now = now

    def tune(self, examples: bytes, model: str) -> Outcome:
        try:
            file = self._processed(self._upload(examples))
            job = self._finished(self._created(file["id"], model))
            self._events(job["id"])
            self._results(job)
            tuned = self._answering(job["fine_tuned_model"])
        except GaveUp as reason:
            return Outcome("gave_up", str(reason))
        return Outcome("recovered", model=tuned)

    def _upload(self, examples: bytes) -> Any:
        boundary = uuid.uuid4().hex
        parts = (
            f'--{boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
            f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="examples.jsonl"\r\n'
            f"content-type: application/octet-stream\r\n\r\n",
            f"\r\n--{boundary}--\r\n",
        )
        form = parts[0].encode() + examples + parts[1].encode()
        return self._patiently(lambda: self._json("POST", "/files", form, f"multipart/form-data; boundary={boundary}"))

    def _processed(self, file: Any) -> Any:
        until = self._now() + rules.FILE_TIMEOUT_S
        while file["status"] not in rules.FILE_ENDED:
            if self._now() > until:
                raise GaveUp(f"the file is still {file['status']!r}")
            self._sleep(rules.FIRST_POLL_S)
            file = self._get(f"/files/{file['id']}")
        if file["status"] != "processed":
            raise GaveUp(f"the file ended in {file['status']!r}: {file.get('status_details')}")
        return file

    def _created(self, file_id: str, model: str) -> Any:
        marker = uuid.uuid4().hex
        wanted = {"model": model, "training_file": file_id, "metadata": {rules.MARKER: marker}}
        backoff = Backoff(self._now, rules.PATIENCE_S)
        while True:
            try:
                return self._post("/fine_tuning/jobs", wanted)
            except Trouble as error:
                trouble = error
            self._sleep(backoff.pause_s(trouble))
            if trouble.may_be_done:
                found = self._get(f"/fine_tuning/jobs?metadata[{rules.MARKER}]={marker}")["data"]
                if found:
                    return found[0]

    def _finished(self, job: Any) -> Any:
        until = self._now() + rules.JOB_TIMEOUT_S
        poll_s = rules.FIRST_POLL_S
        while job["status"] not in rules.JOB_ENDED:
            if self._now() > until:
                raise GaveUp(f"the job is still {job['status']!r}")
            self._sleep(poll_s)
            poll_s = next_poll_s(poll_s)
            job = self._get(f"/fine_tuning/jobs/{job['id']}")
        if job["status"] != "succeeded":
            error = job.get("error") or {}
            raise GaveUp(rules.why_it_ended(job["status"], error.get("code"), error.get("message")))
        return job

    def _events(self, job_id: str) -> list[Any]:
        """Every event, oldest first, each once: a page may overlap the one before when events come meanwhile."""
        until = self._now() + rules.TAIL_PATIENCE_S
        while True:
            events: dict[str, Any] = {}
            after = ""
            while True:
                page = self._get(f"/fine_tuning/jobs/{job_id}/events?limit={rules.PAGE}{after}")
                events |= {event["id"]: event for event in page["data"]}
                if not page["has_more"]:
                    break
                after = f"&after={page['data'][-1]['id']}"
            if self._now() > until or any(rules.is_last(event["message"]) for event in events.values()):
                return list(events.values())[::-1]
            self._sleep(rules.TAIL_POLL_S)

    def _results(self, job: Any) -> list[str]:
        until = self._now() + rules.RESULT_PATIENCE_S
        while not job["result_files"]:
            if self._now() > until:
                return []
            self._sleep(rules.TAIL_POLL_S)
            job = self._get(f"/fine_tuning/jobs/{job['id']}")
        try:
            answer = self._patiently(lambda: self._good("GET", f"/files/{job['result_files'][0]}/content"))
        except GaveUp:
            return []
        return rules.result_rows(answer.body)

    def _answering(self, model: str | None) -> str:
        if model is None:
            raise GaveUp("the job succeeded without a model")
        wanted = {
            "model": model,
            "messages": [{"role": "user", "content": "Are you there?"}],
            "max_completion_tokens": 5,
        }
        backoff = Backoff(self._now, rules.MODEL_PATIENCE_S)
        while True:
            try:
                self._post("/chat/completions", wanted)
                return model
            except Trouble as error:
                trouble = error
            self._sleep((backoff.pause_anyway_s if trouble.is_unknown_model else backoff.pause_s)(trouble))

    def _get(self, path: str) -> Any:
        return self._patiently(lambda: self._json("GET", path))

    def _post(self, path: str, wanted: dict[str, Any]) -> Any:
        return self._json("POST", path, json.dumps(wanted).encode(), "application/json")

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """What ``ask`` answers, asked again while the trouble is temporary: for requests that may be repeated."""
        backoff = Backoff(self._now, rules.PATIENCE_S)
        while True:
            try:
                return ask()
            except Trouble as error:
                trouble = error
            self._sleep(backoff.pause_s(trouble))

    def _json(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Any:
        answer = self._good(method, path, body, content_type)
        try:
            return json.loads(answer.body)
        except ValueError as error:
            raise Trouble(0, f"an answer that is no JSON: {answer.body[:80]!r}") from error

    def _good(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> Answer:
        answer = self._wire.send(method, path, body, content_type)
        if answer.status >= 300:
            raise _trouble(answer)
        return answer


def _trouble(answer: Answer) -> Trouble:
    """An error is an object with ``code`` and ``message``, or just a text, or the HTML of something in between."""
    try:
        error = json.loads(answer.body)["error"]
    except (ValueError, KeyError, TypeError):
        error = answer.body[:200].decode(errors="replace")
    if not isinstance(error, dict):
        error = {"message": str(error)}
    return Trouble(answer.status, str(error.get("message")), error.get("code"), rules.retry_after_s(answer.headers))
