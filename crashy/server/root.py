"""The handler of /: the persona's text, or an HTML page with the patient's state for a browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from html import escape
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from crashy.server.patient import Patient

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{pod}</title>
<style>
body {{ margin: 0; font: 1.1rem/1.5 system-ui, sans-serif; color: #222; border-top: 2rem solid {color}; }}
main {{ max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }}
th {{ text-align: left; padding-right: 2rem; }}
</style>
<main>
<h1>{pod}</h1>
<p>{text}</p>
<table>
{rows}
</table>
{probes}</main>
</html>
"""

# Made once: most requests are for this route.
_PLAIN = CIMultiDict({"Content-Type": "text/plain; charset=utf-8", "Vary": "Accept"})
_HTML = CIMultiDict(
    {
        "Content-Type": "text/html; charset=utf-8",
        "Vary": "Accept",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    }
)


def handler(patient: Patient, text: str, status: int = 200) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return the handler that responds with a text, or with the page if `Accept` has text/html, as browsers send."""
    body = text.encode()

    async def respond(request: web.Request) -> web.Response:
        if "text/html" not in request.headers.get("Accept", ""):
            return web.Response(status=status, body=body, headers=_PLAIN)
        return web.Response(status=status, body=_page(patient, text).encode(), headers=_HTML)

    return respond


def _page(patient: Patient, text: str) -> str:
    identity, health, status = patient.identity, patient.health(), patient.status()
    facts = {
        "Version": identity.version,
        "Color": identity.color,
        "Namespace": identity.namespace,
        "Node": identity.node,
        "Address": identity.ip,
        **{name: "yes" if yes else "no" for name, yes in zip(("Started", "Ready", "Live"), health, strict=True)},
        **{
            f"Dependency {one['name']}": ": ".join(filter(None, (one["state"], one["failure"])))
            for one in status["dependencies"]
        },
        "Up for": f"{patient.uptime():.0f} s",
        "Life": patient.lives.line() if patient.lives else "",
    }
    rows = "\n".join(f"<tr><th>{name}<td>{escape(value)}" for name, value in facts.items() if value)
    lines = "<br>".join(escape(line) for line in text.splitlines())
    probes = _probes(status["probes"])
    return _PAGE.format(pod=escape(identity.pod), color=escape(identity.color), text=lines, rows=rows, probes=probes)


def _probes(probes: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of what was seen of the probes; empty if there are none."""
    rows = [
        (
            probe["kind"] or "",
            probe["asks"],
            f"{probe['period']:.1f} s" if probe["period"] else "",
            probe["state"],
        )
        for probe in probes
    ]
    cells = "\n".join("<tr>" + "".join(f"<td>{escape(text)}" for text in row) for row in rows)
    return f"<h2>Probes</h2>\n<table>\n<tr><th>Probe<th>Asks<th>Every<th>State\n{cells}\n</table>\n" if rows else ""
