"""Which port a probe means. kubelet: pkg/probe/util_test.go."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.objects.pod import Container, ContainerPort
from crashy.objects.ports import PortError, find_port
from tests.kubelet.cases import Expect, Where, case

FOO_BAR = Container("app", ports=(ContainerPort(8080, "foo", host_port=30000), ContainerPort(9000, "bar")))
BARE = Container("app")


@pytest.mark.parametrize(
    ("port", "container", "number"),
    [
        case("port.find.exists port.resolve.name", "foo", FOO_BAR, 8080),  # TestFindPortByName
        ("bar", FOO_BAR, 9000),
        case("port.resolve.int", 443, BARE, 443),  # TestResolveContainerPort
        ("8080", BARE, 8080),
        (1, BARE, 1),
        (65535, BARE, 65535),
    ],
)
def test_found(port: int | str, container: Container, number: int, expect: Expect) -> None:
    found = find_port(container, port)
    assert found == number
    expect(port=found, error=False)


@pytest.mark.parametrize(
    ("port", "message"),
    [
        case("port.find.missing port.resolve.unknown-name", "http", 'strconv.Atoi: parsing "http": invalid syntax'),
        ("", 'strconv.Atoi: parsing "": invalid syntax'),
        ("²", 'strconv.Atoi: parsing "²": invalid syntax'),
        case("port.resolve.out-of-range", 66666, "invalid port number: 66666"),
        (65536, "invalid port number: 65536"),
        (0, "invalid port number: 0"),
        (-1, "invalid port number: -1"),
        ("66666", "invalid port number: 66666"),
        ("-1", "invalid port number: -1"),
        case("port.resolve.bad-type", None, "intOrString had no kind: None"),
        (80.0, "intOrString had no kind: 80.0"),
    ],
)
def test_not_found(port: Any, message: str, expect: Expect) -> None:
    with pytest.raises(PortError) as error:
        find_port(FOO_BAR, port)
    assert str(error.value) == message
    none = Where(lambda number: not 1 <= number <= 65535)  # whatever number Go has beside its error
    expect(port=none, error=isinstance(error.value, PortError), message=str(error.value))
