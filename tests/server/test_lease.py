from __future__ import annotations

from crashy.server.lease import Lease


def test_a_lease_has_one_holder_until_its_end() -> None:
    clock = [0.0]
    lease = Lease(lambda: clock[0])

    assert [lease.take("a", 30), lease.take("b", 30), lease.take("a", 30)] == [True, False, True]
    assert [lease.end("b"), lease.end("a"), lease.end("a")] == [False, True, False]
    assert [lease.take("b", 30), lease.take("a", 30)] == [True, False]
    clock[0] = 30.0
    assert [lease.take("a", 30), lease.take("b", 30)] == [True, False]
