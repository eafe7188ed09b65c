"""A gRPC health check from a container, for `podcli check grpc`: one call of grpc.health.v1.Health/Check."""

from __future__ import annotations

import socket
import time

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, Event, ResponseReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

from crashy.grpc import CHECK, PREFIX, Code, Serving, fields, varint


def check(host: str, port: int, service: str, deadline: float) -> str:
    """Ask for a service's health until the deadline (on time.monotonic()); raises ValueError unless it is SERVING."""
    name = service.encode()
    message = b"\x0a" + varint(len(name)) + name if name else b""
    with socket.create_connection((host, port), _left(deadline)) as connection:
        try:
            status, got = _call(connection, f"{host}:{port}", message, deadline)
        except ProtocolError:
            raise ValueError("does not speak gRPC") from None
    if status != Code.OK or len(got) < PREFIX:
        raise ValueError(f"answers {Code(status).name if status in list(Code) else status}")
    serving = next((value for number, value in fields(got[PREFIX:]) if number == 1 and isinstance(value, int)), 0)
    if serving != Serving.SERVING:
        raise ValueError(f"answers {Serving(serving).name if serving in list(Serving) else serving}")
    return "answers SERVING"


def _call(connection: socket.socket, authority: str, message: bytes, deadline: float) -> tuple[int, bytes]:
    """Return the status and the message of the answer."""
    wire = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    wire.initiate_connection()
    headers = {":method": "POST", ":scheme": "http", ":path": CHECK, ":authority": authority}
    rest = {"content-type": "application/grpc", "te": "trailers", "user-agent": "podcli"}
    wire.send_headers(1, [*headers.items(), *rest.items()])
    wire.send_data(1, bytes(1) + len(message).to_bytes(4, "big") + message, end_stream=True)
    status, got, ended = Code.UNKNOWN.value, b"", False
    while not ended:
        connection.settimeout(_left(deadline))
        connection.sendall(wire.data_to_send())
        data = connection.recv(65_536)
        if not data:
            raise ValueError("closed without an answer")
        for event in wire.receive_data(data):
            if isinstance(event, DataReceived):
                got += event.data
            status = _status(event, status)
            ended |= isinstance(event, StreamEnded | StreamReset | ConnectionTerminated)
    return status, got


def _status(event: Event, status: int) -> int:
    headers = dict(getattr(event, "headers", None) or ())
    text = headers.get("grpc-status", "")
    if isinstance(event, ResponseReceived) and headers.get(":status") != "200":
        return Code.UNAVAILABLE.value
    return int(text) if text.isdecimal() else status


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
