"""`crashy status`: show the state of a patient."""

from __future__ import annotations

import argparse

from crashy.client import Client
from crashy.commands.targets import add_arguments, for_each
from crashy.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_TIMES = ("starts_in", "ends_in")


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    parser = argparse.ArgumentParser("crashy status", description=__doc__)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print the JSON of GET /admin/status, on one line")
    how.add_argument(
        "--where", choices=("app", "admin"), help="print the URL of a lab's pod instead, without a request"
    )
    add_arguments(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Print each patient's status, or its JSON, one object a line; see `for_each` for the exit code."""
    args = parser().parse_args(argv)
    if args.where and not args.pod:
        raise BadInput("--where: only with --pod")

    def act(client: Client) -> None:
        if args.where:
            place = client.app_url if args.where == "app" else client.url
            if not place:
                raise BadInput(f"--where: {client.name} runs a program of its own, which has no admin API")
            print(place)
            return
        import json  # noqa: PLC0415 - the client has it now

        status = client.request("GET", "/admin/status")
        print(json.dumps(status, ensure_ascii=False) if args.json else "\n".join(describe(status)))

    return for_each("status", args, act)


def describe(status: Mapping[str, Any]) -> list[str]:
    """Return a status as lines: pod, phase and health, then a line for each probe, dependency, countdown and fault.

    A proxy has connections instead of health.
    """
    failing = {name: f"FAILS{_by(name, status)}" for name, ok in status["health"].items() if not ok}
    health = "; " + ", ".join(f"{name} {failing.get(name, 'ok')}" for name in status["health"])
    proxy = status.get("proxy")
    lines = [f"{status['pod']}: {status['phase']} for {status['uptime']:.1f}s{'' if proxy else health}"]
    for one in proxy["passages"] if proxy else ():
        counts = f"{one['connections']} open, {one['accepted']} so far"
        lines.append(f"  from {one['listens']} to {one['upstream']}: connections: {counts}")
    if lives := status.get("lives"):
        lines += [f"  life {lives['number']}", *map(_former, lives["former"][-1:])]
    for probe in status.get("probes", ()):
        every = f" every {probe['period']:.1f} s" if probe["period"] else ""
        lines.append(f"  {probe['kind'] or 'unknown'} {probe['asks']}{every}: {probe['state']}")
    for one in status.get("dependencies", ()):
        why = f", {one['failure']}" if one["failure"] else ""
        lines.append(f"  dependency {one['name']}: {one['state']}{why}")
    for countdown in status["countdowns"]:
        left = f", {countdown['remaining']:.1f}s left" if countdown["remaining"] else ""
        lines.append(f"  {countdown['name']} {countdown['state']}{left}")
    for fault in status["faults"]:
        times = [f", {key.replace('_', ' ')} {fault[key]:.1f}s" for key in _TIMES if fault[key] is not None]
        if fault["trap"] and fault["state"] == "pending" and not fault["starts_in"]:
            times = [", waits for a matching request"]
        lines.append(f"  {fault['id']} {fault['state']}: {fault['spec']}{''.join(times)}")
    return lines


def _former(life: Mapping[str, Any]) -> str:
    last = f"; last fault: {life['last_fault']}" if life["last_fault"] else ""
    return f"  life {life['life']} lived {life['lived']:.1f}s and {life['end']}{last}"


def _by(probe: str, status: Mapping[str, Any]) -> str:
    """Return the protocols by which a probe fails, where others disagree; a port mostly stays open, for any probe."""
    by = [protocol for protocol, health in status.get("protocols", {}).items() if not health[probe]]
    return "" if not by or by[:3] == ["http", "grpc", "exec"] else f" by {', '.join(by)}"
