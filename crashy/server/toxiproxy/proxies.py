"""The proxies of one server of Toxiproxy's API."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from crashy.server.toxiproxy.problem import BAD_BODY, ApiError
from crashy.server.toxiproxy.proxy import Address, Lead, ToxicProxy
from crashy.server.toxiproxy.toxic import text


class Proxies:
    """Proxies by their names; those that name no host to listen on listen on `host`."""

    def __init__(self, host: str, lead: Lead, rng: random.Random, told: Callable[[str, str], None]) -> None:
        self._host = host
        self._lead = lead
        self._rng = rng
        self._told = told
        self._proxies: dict[str, ToxicProxy] = {}
        self._deaf = False

    def all(self) -> list[ToxicProxy]:
        """Return every proxy."""
        return list(self._proxies.values())

    def get(self, name: str) -> ToxicProxy:
        """Return a proxy; raises ApiError."""
        if name not in self._proxies:
            raise ApiError(404, "proxy not found")
        return self._proxies[name]

    async def create(self, document: Mapping[str, Any]) -> ToxicProxy:
        """Create a proxy, which listens unless it is not enabled; raises ApiError."""
        proxy = self._read(document)
        if proxy.name in self._proxies:
            raise ApiError(409, "proxy already exists")
        if _enabled(document, default=True):
            await proxy.start()
        self._proxies[proxy.name] = proxy
        return proxy

    async def update(self, proxy: ToxicProxy, document: Mapping[str, Any]) -> None:
        """Change a proxy's fields, those that are given; raises ApiError."""
        await proxy.update(
            self._listen(text(document, "listen")) if document.get("listen") else proxy.listen,
            Address.read(text(document, "upstream"), "upstream") if document.get("upstream") else proxy.upstream,
            enabled=_enabled(document, default=proxy.enabled),
        )

    def delete(self, name: str) -> None:
        """Delete a proxy; raises ApiError."""
        self.get(name).stop()
        del self._proxies[name]

    async def populate(self, documents: Sequence[Any]) -> list[ToxicProxy]:
        """Create the proxies of a list, in the place of those of their names that lead from or to elsewhere.

        Raises ApiError, for what is wrong with the list before anything is changed.
        """
        wanted: dict[str, tuple[ToxicProxy, bool]] = {}
        for number, document in enumerate(documents, 1):
            proxy = self._read(document, f" at proxy {number}")
            if proxy.name in wanted:
                raise ApiError(400, f"{BAD_BODY}: name at proxy {number}: {proxy.name!r} is given twice")
            wanted[proxy.name] = proxy, _enabled(document, default=True)
        for name, (proxy, enabled) in wanted.items():
            before = self._proxies.get(name)
            if before is not None and (before.listen, before.upstream) == (proxy.listen, proxy.upstream):
                continue
            if before is not None:
                self.delete(name)
            if enabled:
                await proxy.start()
            self._proxies[name] = proxy
        return [self._proxies[name] for name in wanted]

    async def reset(self) -> None:
        """Enable every proxy and remove every toxic; raises ApiError."""
        for proxy in self.all():
            await proxy.start()
            for toxic in proxy.toxics:
                proxy.remove(toxic)

    def deafen(self) -> None:
        """Refuse connections to every proxy, those that are made later too."""
        self._deaf = True
        for proxy in self.all():
            proxy.deafen()

    async def hear(self) -> None:
        """Accept connections again; raises ApiError for a port that was taken meanwhile."""
        self._deaf = False
        for proxy in self.all():
            await proxy.hear()

    def close(self) -> None:
        """Stop every proxy."""
        for proxy in self.all():
            proxy.stop()

    def _read(self, document: Any, where: str = "") -> ToxicProxy:
        if not isinstance(document, Mapping):
            raise ApiError(400, f"{BAD_BODY}: a proxy{where} must be an object")
        for field in ("name", "upstream"):
            if not text(document, field):
                raise ApiError(400, f"missing required field: {field}{where}")
        name = text(document, "name")
        listen = self._listen(text(document, "listen"))
        upstream = Address.read(text(document, "upstream"), "upstream")
        proxy = ToxicProxy(name, listen, upstream, self._lead, self._rng, lambda why: self._told(name, why))
        proxy.deaf = self._deaf
        return proxy

    def _listen(self, given: str) -> Address:
        address = Address.read(given or ":0", "listen")
        address = address if address.host else address._replace(host=self._host)
        return address if address.host != "localhost" else address._replace(host="127.0.0.1")


def _enabled(document: Mapping[str, Any], *, default: bool) -> bool:
    value = document.get("enabled")
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ApiError(400, f"{BAD_BODY}: enabled: must be true or false")
    return value
