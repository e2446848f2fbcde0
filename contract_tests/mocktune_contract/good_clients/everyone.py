"""The good clients by name, each as what it does with an errand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from unittest import mock

from mocktune_client import AsyncTuner, Tuner
from mocktune_contract.good_clients import tuners
from mocktune_contract.good_clients.errand import Errand
from mocktune_contract.good_clients.raw import Httpx2Wire, RawClient, RequestsWire, UrllibWire, Wire
from mocktune_contract.good_clients.rules import Outcome
from mocktune_contract.good_clients.sdk import SdkClient
from mocktune_contract.good_clients.sdk_async import AsyncSdkClient
from mocktune_contract.good_clients.webhooks import Letterbox, WebhookClient


def sync_sdk(errand: Errand) -> Outcome:
    """The official SDK."""
    with errand.sdk() as client:
        return SdkClient(client, sleep=errand.time.sleep, now=errand.time.now).tune(errand.examples, errand.model)


def sixty_second_poller(errand: Errand) -> Outcome:
    """The official SDK, looking once a minute."""
    with errand.sdk() as client:
        good = SdkClient(client, poll_s=60, sleep=errand.time.sleep, now=errand.time.now)
        return good.tune(errand.examples, errand.model)


def sdk_with_retries(errand: Errand) -> Outcome:
    """The official SDK, which tries everything twice more on its own, except a create."""
    # It sleeps on its own account too; that passes in the sandbox's time as well.
    with errand.sdk(max_retries=2) as client, mock.patch("time.sleep", errand.time.sleep):
        return SdkClient(client, sleep=errand.time.sleep, now=errand.time.now).tune(errand.examples, errand.model)


def async_sdk(errand: Errand) -> Outcome:
    """The asynchronous SDK, with a streamed answer."""

    async def tune() -> Outcome:
        async with errand.async_sdk() as client:
            good = AsyncSdkClient(client, sleep=errand.time.sleep_async, now=errand.time.now)
            return await good.tune(errand.examples, errand.model)

    return asyncio.run(tune())


def three_jobs_at_once(errand: Errand) -> Outcome:
    """The asynchronous SDK, driving three jobs in one sandbox; the worst of their outcomes."""

    async def tune() -> list[Outcome]:
        async with errand.async_sdk() as client:
            good = AsyncSdkClient(client, sleep=errand.time.sleep_async, now=errand.time.now)
            return await good.tune_all([errand.examples] * 3, errand.model)

    outcomes = asyncio.run(tune())
    return next((each for each in outcomes if each.ended == "gave_up"), outcomes[0])


def tuner(errand: Errand) -> Outcome:
    """``mocktune_client.Tuner``."""
    with errand.sdk() as client:
        good = Tuner(client, poll_s=120, tail_s=600, sleep=errand.time.sleep, now=errand.time.now)
        return tuners.tune(good, errand.examples, errand.model)


def async_tuner(errand: Errand) -> Outcome:
    """``mocktune_client.AsyncTuner``."""

    async def tune() -> Outcome:
        async with errand.async_sdk() as client:
            good = AsyncTuner(client, poll_s=120, tail_s=600, sleep=errand.time.sleep_async, now=errand.time.now)
            return await tuners.tune_async(good, errand.examples, errand.model)

    return asyncio.run(tune())


def raw_httpx2(errand: Errand) -> Outcome:
    """httpx2."""
    with errand.httpx2() as client:
        return _raw(Httpx2Wire(client), errand)


def raw_requests(errand: Errand) -> Outcome:
    """requests."""
    import requests

    with requests.Session() as session:
        session.trust_env = False
        session.headers["authorization"] = f"Bearer {errand.api_key}"
        return _raw(RequestsWire(session, errand.base_url, timeout_s=errand.timeout_s), errand)


def raw_urllib(errand: Errand) -> Outcome:
    """The standard library alone."""
    return _raw(UrllibWire(errand.base_url, errand.api_key, timeout_s=errand.timeout_s), errand)


def webhook_only(errand: Errand) -> Outcome:
    """The official SDK, told the end of its job by a webhook."""
    with errand.sdk() as client:
        letterbox = Letterbox(client.webhooks.unwrap)
        try:
            good = WebhookClient(client, letterbox, sleep=errand.time.sleep, now=errand.time.now)
            return good.tune(errand.examples, errand.model)
        finally:
            letterbox.close()


def _raw(wire: Wire, errand: Errand) -> Outcome:
    return RawClient(wire, sleep=errand.time.sleep, now=errand.time.now).tune(errand.examples, errand.model)


GOOD_CLIENTS: dict[str, Callable[[Errand], Outcome]] = {
    each.__name__: each
    for each in (
        sync_sdk,
        async_sdk,
        tuner,
        async_tuner,
        raw_httpx2,
        raw_requests,
        raw_urllib,
        sixty_second_poller,
        webhook_only,
        sdk_with_retries,
        three_jobs_at_once,
    )
}
