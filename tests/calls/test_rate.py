"""Fifty requests a second of one session, in bursts or not ("Limits")."""

from tidegate.calls.rate import Rate


def test_a_burst_of_a_second_is_fine_and_one_more_is_not() -> None:
    rate = Rate(50, now=0.0)
    assert [rate.allows(0.0) for _ in range(51)] == [True] * 50 + [False]


def test_time_gives_back_what_was_used_and_no_more() -> None:
    rate = Rate(50, now=0.0)
    for _ in range(50):
        rate.allows(0.0)
    assert [rate.allows(0.1) for _ in range(6)] == [True] * 5 + [False]
    assert sum(rate.allows(100.0) for _ in range(200)) == 50
