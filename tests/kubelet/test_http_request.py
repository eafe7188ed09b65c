"""What the httpGet probe sends. kubelet: pkg/probe/http/request_test.go, http_test.go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.kubelet.handlers.http import probe_http
from crashy.kubelet.handlers.request import format_url, request_headers
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import NEWEST, PROFILES
from crashy.objects.pod import HTTPGet
from tests.kubelet.cases import Expect, Means, case
from tests.kubelet.http_servers import Server, response, serving
from tests.kubelet.test_http import closed_port

AGENT = "kube-probe/1.36"
POD = "10.0.0.1"


@pytest.mark.parametrize(
    ("scheme", "host", "port", "path", "url"),
    [
        # TestFormatURL
        case("request.url.0", "https", "localhost", 93, "", "https://localhost:93"),
        case("request.url.1", "https", "localhost", 93, "/path", "https://localhost:93/path"),
        case("request.url.2", "http", "localhost", 93, "?foo", "http://localhost:93?foo"),
        case("request.url.3", "https", "localhost", 93, "/path?bar", "https://localhost:93/path?bar"),
        # NewRequestForHTTPGetAction
        case("request.scheme-lowercased", "HTTPS", POD, 8443, "/", "https://10.0.0.1:8443/"),
        case("request.empty-scheme", "", POD, 80, "/x", "http://10.0.0.1:80/x"),
        case("request.ipv6-podip", "HTTP", "fd00::1", 80, "/", "http://[fd00::1]:80/"),
        # Go: net/url
        ("HTTP", POD, 80, "healthz", "http://10.0.0.1:80/healthz"),
        ("HTTP", POD, 80, "/a b/ü", "http://10.0.0.1:80/a%20b/%C3%BC"),
        ("HTTP", POD, 80, "/a%20b/(c)", "http://10.0.0.1:80/a%20b/(c)"),
        ("HTTP", POD, 80, "/x?a=b%zz", "http://10.0.0.1:80/x?a=b%zz"),
        ("HTTP", POD, 80, "/x#fragment", "http://10.0.0.1:80/x"),
        ("HTTP", POD, 80, "http://other:1/x?y", "http://10.0.0.1:80/x?y"),
        ("HTTP", POD, 80, "//other/x", "http://10.0.0.1:80/x"),
        ("HTTP", POD, 80, "/%zz?x", "http://10.0.0.1:80/%25zz%3Fx"),
        ("HTTP", POD, 80, "/a?b\r\nX: 1", "http://10.0.0.1:80/a%3Fb%0D%0AX:%201"),
        ("HTTP", POD, 80, "/a\r\nHost: evil", "http://10.0.0.1:80/a%0D%0AHost:%20evil"),
    ],
)
def test_urls(scheme: str, host: str, port: int, path: str, url: str, expect: Expect) -> None:
    found = format_url(scheme, host, port, path)
    assert found == url
    expect(url=found)


DEFAULTS = {"User-Agent": [AGENT], "Accept": ["*/*"]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # Test_v1HeaderToHTTPHeader, TestHeaderConversion
        case("request.headers.empty request.default-accept", [], DEFAULTS),
        case("request.headers.basic",
            [("Connection", "Keep-Alive"), ("Content-Type", "text/html"), ("Accept-Ranges", "bytes")],
            {
                **DEFAULTS,
                "Connection": ["Keep-Alive"],
                "Content-Type": ["text/html"],
                "Accept-Ranges": ["bytes"],
            },
        ),
        case("request.headers.accept", [("Accept", "application/json")], DEFAULTS | {"Accept": ["application/json"]}),
        case("request.headers.multi",
            [
                ("accept", "application/json"),
                ("Accept", "*/*"),
                ("pragma", "no-cache"),
                ("X-forwarded-for", "username"),
            ],
            {
                **DEFAULTS,
                "Accept": ["application/json", "*/*"],
                "Pragma": ["no-cache"],
                "X-Forwarded-For": ["username"],
            },
        ),
        # TestHTTPProbeChecker
        ([("User-Agent", "foo/1.0")], {**DEFAULTS, "User-Agent": ["foo/1.0"]}),
        ([("User-Agent", "")], {**DEFAULTS, "User-Agent": [""]}),
        ([("Accept", "")], {"User-Agent": [AGENT]}),
    ],
)  # fmt: skip
def test_headers(given: list[tuple[str, str]], expected: dict[str, list[str]], expect: Expect) -> None:
    headers = request_headers(given, AGENT)
    assert headers == expected
    named = {name.lower() for name, _ in given}
    expect(canonical={name: values for name, values in headers.items() if name.lower() in named})


async def ask(
    server: Server, path: str = "/", *headers: tuple[str, str], host: str = "", version: str = "1.36"
) -> Outcome:
    probe = HTTPGet(server.port, path, host, headers=headers)
    outcome = await probe_http(probe, host="127.0.0.1", port=server.port, timeout=20, profile=PROFILES[version])
    assert outcome.result is Result.SUCCESS
    return outcome


@pytest.mark.case("request.default-accept", "http.no-accept-encoding", "http.no-keepalive")
async def test_a_request_as_it_is_on_the_wire(expect: Expect) -> None:
    async with serving(response()) as server:
        await ask(server, "/healthz?x=1")
    assert server.heads == [
        f"GET /healthz?x=1 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUser-Agent: {AGENT}\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n".encode()
    ]
    sent = dict(line.split(": ", 1) for line in server.headers())
    agent = sent["User-Agent"].replace(NEWEST.version, "<major>.<minor>")
    expect("request.default-accept", sent={"Accept": sent["Accept"], "User-Agent": agent})
    words, closes = "Accept-Encoding", "Connection: close"
    expect("http.no-accept-encoding", request_header_absent=Means(words, words not in sent))
    expect("http.no-keepalive", request_header=Means(closes, closes in server.headers()))


@pytest.mark.parametrize(("path", "target"), [("?foo", "/?foo"), ("", "/"), ("x", "/x"), ("/a b", "/a%20b")])
async def test_targets(path: str, target: str) -> None:
    async with serving(response()) as server:
        await ask(server, path)
    assert server.targets == [target]


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        case(
            "http.user-agent-override",
            [("User-Agent", "foo/1.0")],
            ["Host: {}", "User-Agent: foo/1.0", "Accept: */*", "Connection: close"],
        ),
        case(
            "http.user-agent-empty-suppresses", [("user-agent", "")], ["Host: {}", "Accept: */*", "Connection: close"]
        ),
        ([("Accept", "")], ["Host: {}", f"User-Agent: {AGENT}", "Connection: close"]),
        (
            [("b", "2"), ("a", "1"), ("B", "3")],
            ["Host: {}", f"User-Agent: {AGENT}", "A: 1", "Accept: */*", "B: 2", "B: 3", "Connection: close"],
        ),
        ([("Host", "example.com")], ["Host: example.com", f"User-Agent: {AGENT}", "Accept: */*", "Connection: close"]),
        (
            [("Connection", "Keep-Alive")],
            ["Host: {}", f"User-Agent: {AGENT}", "Accept: */*", "Connection: Keep-Alive", "Connection: close"],
        ),
        ([("Connection", "close")], ["Host: {}", f"User-Agent: {AGENT}", "Accept: */*", "Connection: close"]),
    ],
)
async def test_headers_as_they_are_on_the_wire(headers: list[tuple[str, str]], sent: list[str], expect: Expect) -> None:
    async with serving(response()) as server:
        outcome = await ask(server, "/", *headers)
    assert server.headers() == [line.format(f"127.0.0.1:{server.port}") for line in sent]
    agents = [line for line in server.headers() if line.startswith("User-Agent")]
    expect(result=outcome.result, output_contains="".join(agents), output_not_contains=Means("User-Agent", not agents))


async def test_the_version_is_in_the_user_agent() -> None:
    async with serving(response()) as server:
        await ask(server, version="1.20")
    assert "User-Agent: kube-probe/1.20" in server.headers()


@pytest.mark.parametrize(
    ("probe", "error"),
    [
        (HTTPGet(80, headers=(("x-a", "1\r\nX-B: 2"),)), 'net/http: invalid header field value for "X-A"'),
        (HTTPGet(80, host="[x"), 'parse "http://[x:80/": invalid host'),
    ],
)
async def test_what_cannot_be_sent_is_a_failure(probe: HTTPGet, error: str) -> None:
    outcome = await probe_http(probe, host="127.0.0.1", port=80, timeout=20)
    assert outcome == Outcome(Result.FAILURE, f'Get "http://{probe.host or "127.0.0.1"}:80/": {error}')


@given(st.text())
def test_no_path_breaks_out_of_the_request_line(path: str) -> None:
    url = format_url("HTTP", POD, 80, path)
    assert url.startswith("http://10.0.0.1:80")
    assert not any(ord(character) < 32 or ord(character) == 127 for character in url)


@pytest.mark.case("http.no-keepalive")
async def test_every_probe_has_a_connection_of_its_own(expect: Expect) -> None:
    async with serving(response(200, b"ok"), stay=True) as server:
        await ask(server)
        await ask(server)
    assert len(server.heads) == 2
    expect(tcp_connections=len(server.heads))


@pytest.mark.case("http.no-env-proxy")
async def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch, expect: Expect) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving(response()) as server:
        await ask(server)
    assert len(server.heads) == 1
    expect(proxy_used=not server.heads)


@pytest.mark.case("request.host-overrides-podip")
async def test_a_probes_host_goes_before_the_pods_address(expect: Expect) -> None:
    async with serving(response()) as server:
        await ask(server, host="localhost")
    assert server.headers()[0] == f"Host: localhost:{server.port}"
    nobody = ("127.0.0.1", closed_port())
    outcome = await probe_http(HTTPGet(80, "/", "example.org"), host=POD, port=80, timeout=20, dial=lambda *_: nobody)
    expect(url=outcome.output.split('"')[1])


async def test_a_pod_may_really_listen_elsewhere() -> None:
    async with serving(response()) as server:
        dialled = []

        def dial(host: str, port: int) -> tuple[str, int]:
            dialled.append((host, port))
            return "127.0.0.1", server.port

        outcome = await probe_http(HTTPGet("web"), host=POD, port=8080, timeout=20, dial=dial)
    assert outcome.healthy
    assert dialled == [(POD, 8080)]
    assert server.headers()[0] == f"Host: {POD}:8080"
