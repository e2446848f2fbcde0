"""respx and pytest-httpx2 mock other services of the program, while the SDK speaks to the sandbox."""

import httpx
import httpx2
import openai
import respx
import train

ON_HTTPX = openai.VERSION.startswith("2.")
"""The SDK's version 2 speaks httpx, version 3 httpx2: a mock of that one has to be told to let loopback pass."""


def through(router):
    router.route(host="127.0.0.1").pass_through()


def told_elsewhere(library, url):
    """What the program does beside training: it tells somebody else."""
    assert library.post(url, json={"job": "done"}).json() == {"ok": True}


def test_httpx_mocked(mocktune, respx_mock):
    if ON_HTTPX:
        through(respx_mock)
    route = respx_mock.post("https://hooks.example.com/done").respond(json={"ok": True})
    job, _ = train.main()
    told_elsewhere(httpx, "https://hooks.example.com/done")
    assert job.status == "succeeded"
    assert route.call_count == 1
    mocktune.verdict.assert_clean()


@respx.mock(assert_all_called=True)
def test_all_routes_called(mocktune, respx_mock):
    if ON_HTTPX:
        through(respx_mock)
    respx_mock.post("https://hooks.example.com/done").respond(json={"ok": True})
    train.main()
    told_elsewhere(httpx, "https://hooks.example.com/done")


def test_httpx2_mocked(httpx2_mock, mocktune):
    if not ON_HTTPX:
        through(httpx2_mock)
    route = httpx2_mock.post("https://hooks.example.com/done").respond(json={"ok": True})
    job, _ = train.main()
    told_elsewhere(httpx2, "https://hooks.example.com/done")
    assert job.status == "succeeded"
    assert route.call_count == 1


def test_the_sdk_itself_mocked_beside_the_control_plane(request, mocktune):
    """Everything is mocked, and the harness is not: it speaks over http.client."""
    mock = request.getfixturevalue("respx_mock" if ON_HTTPX else "httpx2_mock")
    mock.get(f"{mocktune.base_url}/models").respond(json={"object": "list", "data": []})
    client = mocktune.client()
    assert client.models.list().data == []
    assert mocktune.clock.advance("1h").elapsed == "1h"
    assert not mocktune.requests()
    mocktune.verdict.assert_clean()
