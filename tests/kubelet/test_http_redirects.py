"""Where the httpGet probe follows. kubelet: pkg/probe/http/http_test.go TestHTTPProbeChecker_NonLocalRedirects."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
from _pytest.mark.structures import ParameterSet

from crashy.kubelet.handlers.http import probe_http
from crashy.kubelet.outcome import Outcome, Result
from crashy.objects.pod import HTTPGet
from tests.kubelet.cases import Expect, Means, case
from tests.kubelet.http_servers import Server, redirect, response, routes, serving
from tests.kubelet.test_http import closed_port, expired

WARNING = "Probe terminated redirects, Response body: moved"


async def ask(server: Server, path: str = "/from", *headers: tuple[str, str]) -> Outcome:
    probe = HTTPGet(server.port, path, headers=headers)
    return await probe_http(probe, host="127.0.0.1", port=server.port, timeout=20)


PAGES = (("ok", 200, Result.SUCCESS), ("bad", 500, Result.FAILURE))


@pytest.mark.parametrize(
    ("status", "final", "result"),
    [
        case(f"http.redirect-{status}-{name}", status, final, result)
        for status in (301, 302, 303, 307, 308)
        for name, final, result in PAGES
    ],
)
async def test_the_page_it_leads_to_is_judged(status: int, final: int, result: Result, expect: Expect) -> None:
    known = routes(**{"from": redirect("/new", status), "new": response(final)})
    async with serving(known) as server:
        outcome = await ask(server)
    assert outcome.result is result
    assert server.targets == ["/from", "/new"]
    expect(result=outcome.result)


@pytest.mark.parametrize("status", [300, 304, 305, 306])
async def test_other_statuses_lead_nowhere(status: int) -> None:
    async with serving(response(status, b"", "Location: /new")) as server:
        assert (await ask(server)).result is Result.WARNING
    assert server.targets == ["/from"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_without_a_location_it_ends(status: int) -> None:
    async with serving(response(status, b"ok body")) as server:
        assert await ask(server) == Outcome(Result.WARNING, "Probe terminated redirects, Response body: ok body")


ENDS = (("success", 200, Result.SUCCESS), ("fail", 500, Result.FAILURE))


def followed(where: str) -> list[ParameterSet]:
    """Return a row for each end: what is there, and what comes of it."""
    return [case(f"http.nonlocal.{where}-{end}.no-follow", final, result) for end, final, result in ENDS]


@pytest.mark.parametrize(("final", "result"), followed("newport"))
async def test_another_port_of_the_same_host_is_followed(final: int, result: Result, expect: Expect) -> None:
    async with serving(response(final)) as other, serving(redirect(f"http://127.0.0.1:{other.port}/x")) as server:
        outcome = await ask(server)
    assert outcome.result is result
    assert other.targets == ["/x"]
    expect(result=outcome.result)


@pytest.mark.parametrize(("final", "result"), followed("local"))
async def test_another_page_of_the_same_server_is_followed(final: int, result: Result, expect: Expect) -> None:
    async with serving(routes(**{"from": redirect("/new"), "new": response(final)})) as server:
        outcome = await ask(server)
    assert outcome.result is result
    expect(result=outcome.result)


@pytest.mark.case("http.nonlocal.nonlocal-bogus.no-follow")
async def test_another_host_is_not_asked_and_only_warned_of(expect: Expect) -> None:
    async with serving(redirect(f"http://0.0.0.0:{closed_port()}/fail")) as server:
        outcome = await ask(server)
    assert outcome == Outcome(Result.WARNING, WARNING)
    expect(result=outcome.result)


@pytest.mark.case("http.nonlocal.loop.no-follow")
async def test_a_loop_ends_in_a_failure(expect: Expect) -> None:
    async with serving(redirect("/loop")) as server:
        outcome = await ask(server)
    assert outcome == Outcome(Result.FAILURE, 'Get "/loop": stopped after 10 redirects')
    expect(result=outcome.result)
    assert len(server.heads) == 10


@pytest.mark.case("http.redirect-9-ok")
async def test_nine_redirects_are_followed(expect: Expect) -> None:
    def count(target: str, _: bytes) -> bytes:
        hop = int(target.rpartition("/")[2])
        return response(200, b"there") if hop == 9 else redirect(f"/{hop + 1}")

    async with serving(count) as server:
        outcome = await ask(server, "/0")
    assert outcome == Outcome(Result.SUCCESS, "there")
    expect(result=outcome.result)


@pytest.mark.case("http.redirect-compares-first-hostname")
async def test_the_first_requests_hostname_counts(expect: Expect) -> None:
    async with AsyncExitStack() as stack:
        third = await stack.enter_async_context(serving(redirect("http://b.invalid/"), tls=expired()))
        second = await stack.enter_async_context(serving(redirect(f"https://127.0.0.1:{third.port}/")))
        first = await stack.enter_async_context(serving(redirect(f"http://127.0.0.1:{second.port}/")))
        outcome = await ask(first)
    assert outcome == Outcome(Result.WARNING, WARNING)
    chain = {"http://a/": first, "http://a:81/": second, "https://a/": third}
    assert [len(server.heads) for server in chain.values()] == [1, 1, 1]
    followed = [place for place, server in chain.items() if server.heads]
    expect(followed=followed, stops_at=Means("redirect to b -> warning", outcome.result is Result.WARNING))


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("ftp://127.0.0.1/x", 'Get "ftp://127.0.0.1/x": unsupported protocol scheme "ftp"'),
        ("http://[::1/x", 'Get "http://{own}/from": failed to parse Location header "http://[::1/x"'),
        ("http://127.0.0.1:99999/x", 'Get "http://127.0.0.1:99999/x": parse "http://127.0.0.1:99999/x": invalid port'),
    ],
)
async def test_a_location_that_cannot_be_asked(location: str, error: str) -> None:
    async with serving(redirect(location)) as server:
        assert await ask(server) == Outcome(Result.FAILURE, error.replace("{own}", f"127.0.0.1:{server.port}"))


async def test_an_error_names_the_request_that_met_it() -> None:
    port = closed_port()
    async with serving(redirect(f"http://127.0.0.1:{port}/x")) as server:
        outcome = await ask(server)
    refused = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert outcome == Outcome(Result.FAILURE, f'Get "http://127.0.0.1:{port}/x": {refused}')


async def test_a_location_is_escaped() -> None:
    async with serving(routes(**{"from": redirect("/a new"), "a%20new": response()})) as server:
        assert (await ask(server)).result is Result.SUCCESS


async def test_headers_go_along_and_the_referer_is_reported() -> None:
    async with serving(routes(**{"from": redirect("new?x"), "new": response()})) as server:
        await ask(server, "/a/from", ("X-A", "1"))
    assert server.targets == ["/a/from", "/a/new?x"]
    assert {"X-A: 1", f"Referer: http://127.0.0.1:{server.port}/a/from"} <= set(server.headers())


@pytest.mark.parametrize("absolute", [False, True])
async def test_a_host_header_survives_only_a_relative_redirect(absolute: bool) -> None:
    async with AsyncExitStack() as stack:
        server = Server()

        def answer(target: str, _: bytes) -> bytes:
            start = f"http://127.0.0.1:{server.port}" if absolute else ""
            return redirect(f"{start}/new") if target == "/from" else response()

        server = await stack.enter_async_context(serving(answer))
        await ask(server, "/from", ("Host", "example.com"))
    hosts = [server.headers(i)[0] for i in (0, 1)]
    assert hosts == ["Host: example.com", f"Host: 127.0.0.1:{server.port}" if absolute else "Host: example.com"]
