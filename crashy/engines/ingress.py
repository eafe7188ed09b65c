"""What an ingress, or a cloud's load balancer, answers its users: it speaks http, and to the pods themselves."""

from __future__ import annotations

from crashy.traffic.connection import Reply

NO_ENDPOINT = Reply(503, body=b"503 Service Temporarily Unavailable")
_FAILED = frozenset({"refused", "reset", "truncated", "unreachable"})


def passed_on(reply: Reply) -> Reply:
    """Return a pod's reply as an ingress passes it on: 502 where the connection to the pod failed.

    No other pod is tried, as by a load balancer or by an ingress once the request was sent.
    """
    return Reply(502, body=b"502 Bad Gateway") if reply.failure in _FAILED else reply
