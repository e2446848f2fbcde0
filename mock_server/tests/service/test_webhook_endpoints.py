"""Webhook endpoints without HTTP: caps, determinism, and what is handed to the sender."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from support import Lab

from mocktune.domain.clock import unix_seconds
from mocktune.domain.errors import InvalidRequestError, ParameterError
from mocktune.domain.webhooks import WebhookAnswer, WebhookEndpoint, WebhookRequest
from mocktune.service.webhook_endpoints import MAX_ENDPOINTS, WebhookEndpointService

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab.open()
    yield lab
    lab.close()


@dataclass
class Sender:
    """Keeps what it was to send."""

    answer: WebhookAnswer = field(default_factory=lambda: WebhookAnswer(200))
    sent: list[WebhookRequest] = field(default_factory=list)

    async def send(self, request: WebhookRequest) -> WebhookAnswer:
        self.sent.append(request)
        return self.answer


async def created(lab: Lab, url: str = "https://example.com/hook", *types: str) -> WebhookEndpoint:
    types = types or ("batch.completed",)
    return await lab.services.webhook_endpoints.create(await lab.visit(), name="hook", url=url, event_types=types)


async def test_the_same_seed_gives_the_same_endpoint() -> None:
    first, second, other = Lab.open(seed=1), Lab.open(seed=1), Lab.open(seed=2)
    try:
        assert await created(first) == await created(second) != await created(other)
    finally:
        for lab in (first, second, other):
            lab.close()


async def test_a_sandbox_takes_so_many_endpoints_and_no_more(lab: Lab) -> None:
    ids = {(await created(lab)).id for _ in range(MAX_ENDPOINTS)}
    assert len(ids) == MAX_ENDPOINTS
    with pytest.raises(InvalidRequestError, match="has 100 webhook endpoints and can have no more") as refused:
        await created(lab)
    assert refused.value.code == "webhook_endpoint_limit_reached"
    await lab.services.webhook_endpoints.delete(await lab.visit(), ids.pop())
    await created(lab)


async def test_types_named_twice_are_subscribed_to_once(lab: Lab) -> None:
    endpoint = await created(lab, "https://x", "batch.failed", "batch.completed", "batch.failed")
    assert endpoint.event_types == ("batch.failed", "batch.completed")


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "http://example.com/",
        "ftp://localhost/",
        "",
        "https:example.com",
        "http://[::1",
        "http://localhost:65536/",
        "https://e.com:x/",
        "//localhost/",
    ],
)
async def test_a_url_without_https_or_host_is_refused(lab: Lab, url: str) -> None:
    with pytest.raises(ParameterError) as refused:
        await created(lab, url)
    assert (refused.value.param, refused.value.code) == ("url", "invalid_value")
    endpoint = await created(lab)
    with pytest.raises(ParameterError):
        await lab.services.webhook_endpoints.update(await lab.visit(), endpoint.id, url=url)


@pytest.mark.parametrize("url", ["http://localhost:1/", "http://127.0.0.1/x", "http://[::1]:8/", "HTTPS://EXAMPLE.COM"])
async def test_http_will_do_for_this_machine(lab: Lab, url: str) -> None:
    assert (await created(lab, url)).url == url


async def test_http_will_do_for_hosts_that_were_allowed(lab: Lab) -> None:
    endpoints = WebhookEndpointService(allowed_hosts=frozenset({"app"}))
    visit = await lab.visit()
    assert (await endpoints.create(visit, name="x", url="http://app:3000/", event_types=("batch.failed",))).url


async def test_a_sample_is_signed_at_wall_time_and_dated_in_virtual_time(lab: Lab) -> None:
    endpoint, sender = await created(lab), Sender()
    visit = await lab.visit()
    await lab.services.webhook_endpoints.test(visit, endpoint.id, "fine_tuning.job.failed", sender)
    (request,) = sender.sent
    assert (request.url, request.secrets, request.sent_at) == (endpoint.url, (endpoint.secret,), visit.wall)
    event = json.loads(request.body)
    assert list(event) == ["object", "id", "type", "created_at", "data"]
    assert (event["type"], event["created_at"]) == ("fine_tuning.job.failed", unix_seconds(visit.now))
    assert unix_seconds(visit.now) != request.sent_at // 1_000_000


async def test_every_sample_is_an_event_of_its_own(lab: Lab) -> None:
    endpoint, sender = await created(lab), Sender()
    for _ in range(3):
        await lab.services.webhook_endpoints.test(await lab.visit(), endpoint.id, "batch.completed", sender)
    assert len({request.id for request in sender.sent}) == 3
    assert len({request.body for request in sender.sent}) == 3


async def test_tests_do_not_shift_the_ids_of_anything_else(lab: Lab) -> None:
    endpoint = await created(lab)
    counted = dict((await lab.visit()).sandbox.counts)
    await lab.services.webhook_endpoints.test(await lab.visit(), endpoint.id, "batch.completed", Sender())
    after = (await lab.visit()).sandbox.counts
    assert {kind: count for kind, count in after.items() if kind != "webhook_test"} == counted


@pytest.mark.parametrize("status", [200, 302, 404, 500])
async def test_any_status_is_a_result(lab: Lab, status: int) -> None:
    endpoint, sender = await created(lab), Sender(WebhookAnswer(status))
    result = await lab.services.webhook_endpoints.test(await lab.visit(), endpoint.id, "batch.completed", sender)
    assert (result.endpoint_id, result.event_type, result.status_code) == (endpoint.id, "batch.completed", status)


async def test_no_status_is_an_error_with_the_reason(lab: Lab) -> None:
    endpoint, sender = await created(lab), Sender(WebhookAnswer(None, "nobody home"))
    with pytest.raises(InvalidRequestError, match="could not be reached: nobody home") as refused:
        await lab.services.webhook_endpoints.test(await lab.visit(), endpoint.id, "batch.completed", sender)
    assert refused.value.code == "webhook_endpoint_unreachable"


async def test_a_stateless_server_sends_nothing(lab: Lab) -> None:
    endpoint, sender = await created(lab), Sender(WebhookAnswer(None, "nobody home"))
    endpoints = WebhookEndpointService(stateless=True)
    result = await endpoints.test(await lab.visit(), endpoint.id, "batch.completed", sender)
    assert result.status_code == 200
    assert sender.sent == []
