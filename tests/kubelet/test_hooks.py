"""Lifecycle hooks: what an httpGet hook sends, and what is said of one that failed, by version.

Sources: kubelet: pkg/kubelet/lifecycle/handlers.go, handlers_test.go; 1.36 as in the recordings 12a and 12b.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from crashy.kubelet.handlers.dial import direct
from crashy.kubelet.handlers.hooks import run_http_hook
from crashy.kubelet.hooks import cut_off, exited, failure, no_handler
from crashy.kubelet.runtime import HookError, Pod
from crashy.kubelet.versions import PROFILES
from crashy.objects.pod import Container, Exec, Hook, HTTPGet, PodTemplate, Sleep, TCPSocket
from tests.kubelet.http_servers import Server, response, serving, talking

APP = Container("app")
POD = Pod("web", "default", "uid", "10.0.0.1", PodTemplate((APP,)))
BOTH = ("1.20", "1.32", "1.36")
X = (("X-A", "b"), ("Authorization", "secret"))


@asynccontextmanager
async def speaking_http() -> AsyncIterator[Server]:
    """Answer in plain HTTP, a TLS hello with 400, as most servers do."""
    server = Server()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.read(1 << 16)
        if head.startswith(b"GET"):
            server.heads.append(head)
        writer.write(response(200 if head.startswith(b"GET") else 400))

    async with talking(talk) as server.port:
        yield server


async def run(version: str, port: int, path: str = "/bye", **more: object) -> str:
    hook = HTTPGet(port, path, **more)  # type: ignore[arg-type]  # scheme and headers
    return await run_http_hook(hook, host="127.0.0.1", port=port, dial=direct, profile=PROFILES[version])


@pytest.mark.parametrize(
    ("version", "head"),
    [
        ("1.20", "GET //bye HTTP/1.1|Host: {}|User-Agent: Go-http-client/1.1|Accept-Encoding: gzip"),
        (
            "1.32",
            "GET /bye HTTP/1.1|Host: {}|User-Agent: kube-lifecycle/1.32|Accept: */*|Authorization: secret|X-A: b"
            "|Accept-Encoding: gzip",
        ),
        (
            "1.36",
            "GET /bye HTTP/1.1|Host: {}|User-Agent: kube-lifecycle/1.36|Accept: */*|Authorization: secret|X-A: b"
            "|Accept-Encoding: gzip",
        ),
    ],
)
async def test_a_request_as_it_is_on_the_wire(version: str, head: str) -> None:
    async with serving(response()) as server:
        await run(version, server.port, headers=X)
    assert server.heads == [(head.format(f"127.0.0.1:{server.port}").replace("|", "\r\n") + "\r\n\r\n").encode()]


async def test_its_headers_may_replace_the_kubelets_own() -> None:
    async with serving(response()) as server:
        given = (("user-agent", "me"), ("Accept", ""), ("Accept-Encoding", "br"), ("Host", "web.example"))
        await run("1.36", server.port, headers=given)
    assert server.headers() == ["Host: web.example", "User-Agent: me", "Accept-Encoding: br"]


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("status", [200, 302, 404, 500])
async def test_any_answer_is_a_success(version: str, status: int) -> None:
    async with serving(response(status)) as server:
        await run(version, server.port)
    assert len(server.heads) == 1


@pytest.mark.parametrize("version", BOTH)
async def test_it_ends_with_its_response_and_not_with_the_connection(version: str) -> None:
    async with serving(response(200, b"bye"), stay=True) as server:
        await run(version, server.port)


async def test_a_response_without_a_length_lasts_as_long_as_its_connection() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await more.wait()

    more = asyncio.Event()
    async with talking(slow) as port:
        hook = asyncio.create_task(run("1.36", port))
        await asyncio.sleep(0.05)
        assert not hook.done()
        more.set()
        await hook


@pytest.mark.parametrize("version", ["1.32", "1.36"])
async def test_tls_answered_in_plain_http_is_asked_again_without_tls_and_credentials(version: str) -> None:
    async with speaking_http() as server:
        assert await run(version, server.port, scheme="HTTPS", headers=X) == f"127.0.0.1:{server.port}"
    lines = server.headers()
    assert server.targets == ["/bye"]
    assert "X-A: b" in lines
    assert not any(line.startswith("Authorization") for line in lines)


async def test_an_old_kubelet_never_speaks_tls() -> None:
    async with speaking_http() as server:
        assert not await run("1.20", server.port, scheme="HTTPS", headers=X)
    assert server.targets == ["//bye"]


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"<!DOCTYPE HTML>", "tls: first record does not look like a TLS handshake"),  # Python's own server says so
        (b"", "EOF"),
    ],
)
async def test_tls_answered_otherwise_fails(said: bytes, error: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        writer.write(said)

    async with talking(refuse) as port:
        with pytest.raises(HookError) as failed:
            await run("1.36", port, scheme="HTTPS")
    assert str(failed.value) == f'Get "https://127.0.0.1:{port}/bye": {error}'


async def test_if_it_fails_again_the_first_error_counts() -> None:
    async def answer_tls_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.read(1 << 16)).startswith(b"\x16"):
            writer.write(response(400))

    async with talking(answer_tls_only) as port:
        with pytest.raises(HookError, match=r"server gave HTTP response to HTTPS client$"):
            await run("1.36", port, scheme="HTTPS")


@pytest.mark.parametrize(("version", "follows"), [("1.20", True), ("1.36", False)])
async def test_a_redirect_to_another_host(version: str, *, follows: bool) -> None:
    async with serving(response()) as there:
        moved = response(302, b"", f"Location: http://localhost:{there.port}/there")
        async with serving(moved) as server:
            await run(version, server.port)
    assert there.targets == (["/there"] if follows else [])


@pytest.mark.parametrize(
    ("hook", "error", "version", "message"),
    [
        (
            HTTPGet(80, "/bye"),
            HookError('Get "http://10.0.0.1:80//bye": EOF'),
            "1.20",
            'Http lifecycle hook (/bye) for Container "app" in Pod "web_default(uid)" failed - error: '
            'Get "http://10.0.0.1:80//bye": EOF, message: ""',
        ),
        (
            HTTPGet(80, "/bye"),
            HookError('Get "http://10.0.0.1:80/bye": EOF'),
            "1.36",
            'HTTP lifecycle hook (/bye) for Container "app" in Pod "web_default(uid)" failed - error: '
            'Get "http://10.0.0.1:80/bye": EOF',
        ),
        *(
            (
                Exec(("sh", "-c", "echo no >&2; exit 3")),
                exited(("sh", "-c", "echo no >&2; exit 3"), 3, "no\n", "no\n"),
                version,
                'Exec lifecycle hook ([sh -c echo no >&2; exit 3]) for Container "app" in Pod "web_default(uid)" '
                "failed - error: command 'sh -c echo no >&2; exit 3' exited with 3: no\n, message: \"no\\n\"",
            )
            for version in ("1.20", "1.36")
        ),
        (
            TCPSocket(80),
            no_handler(TCPSocket(80), PROFILES["1.20"]),
            "1.20",
            "Cannot run handler: invalid handler: &Handler{Exec:nil,HTTPGet:nil,"
            "TCPSocket:&TCPSocketAction{Port:{0 80 },Host:,},}",
        ),
        (
            TCPSocket("web"),
            no_handler(TCPSocket("web"), PROFILES["1.36"]),
            "1.36",
            "Cannot run handler: invalid handler: &LifecycleHandler{Exec:nil,HTTPGet:nil,"
            "TCPSocket:&TCPSocketAction{Port:{1 0 web},Host:,},Sleep:nil,}",
        ),
    ],
)
def test_what_is_said_of_a_failure(hook: Hook, error: HookError, version: str, message: str) -> None:
    assert failure(POD, APP, hook, error, PROFILES[version]) == message


@pytest.mark.parametrize(
    ("hook", "error"),
    [
        (Exec(("sleep", "30")), "command 'sleep 30' exited with 137: "),
        (HTTPGet(80), "EOF"),
        (Sleep(30), None),
    ],
)
def test_the_end_of_its_container_ends_a_hook(hook: Hook, error: str | None) -> None:
    cut = cut_off(hook)
    assert (str(cut) if cut else None) == error
