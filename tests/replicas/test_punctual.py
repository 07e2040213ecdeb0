from tests.replicas.punctual import Lateness


def test_one_late_notice_in_a_hundred_is_within_the_limit_and_two_are_not() -> None:
    assert Lateness.of([0.1] * 199 + [4.0]).missed(healthy=True) == []
    assert Lateness.of([0.1] * 98 + [4.0, 4.0]).missed(healthy=True) == ["p99 4.0 s late; limit 1 s"]


def test_while_a_replica_is_lost_the_lease_counts() -> None:
    assert Lateness.of([0.1] * 98 + [29.0, 29.0]).missed(healthy=False) == []
    assert Lateness.of([0.1] * 98 + [31.0, 31.0]).missed(healthy=False) == ["p99 31.0 s late; limit 30 s"]


def test_no_single_notice_is_later_than_a_lease_and_its_take_over() -> None:
    assert Lateness.of([0.1] * 199 + [33.0]).missed(healthy=False) == []
    assert Lateness.of([0.1] * 199 + [44.0]).missed(healthy=False) == ["one 44.0 s late; limit 35 s"]
