"""Deadlines fire in order, once, and leave no trace when cancelled."""

from tidegate.timers import Timers


class Fired(list[float]):
    """When a timer fired."""


def fire_due(timers: Timers, now: float) -> None:
    while (timer := timers.due(now)) is not None:
        timer.fire(now)


def test_timers_fire_in_order_and_once() -> None:
    timers = Timers()
    late, early = Fired(), Fired()
    timers.start(3.0, late.append)
    timers.start(1.0, early.append)
    assert timers.next_timeout() == 1.0
    fire_due(timers, 0.5)
    assert early == []
    fire_due(timers, 2.5)
    assert (early, late) == ([2.5], [])
    assert timers.next_timeout() == 3.0
    fire_due(timers, 9.0)
    fire_due(timers, 9.0)
    assert (early, late) == ([2.5], [9.0])
    assert timers.next_timeout() is None


def test_a_cancelled_timer_does_not_fire_nor_wake() -> None:
    timers, fired = Timers(), Fired()
    first = timers.start(1.0, fired.append)
    timers.start(2.0, fired.append)
    first.cancel()
    assert not first.pending
    assert timers.next_timeout() == 2.0
    fire_due(timers, 5.0)
    assert fired == [5.0]


def test_timers_started_while_firing_are_kept() -> None:
    timers, fired = Timers(), Fired()

    def again(now: float) -> None:
        timers.start(now + 1, fired.append)

    timers.start(1.0, again)
    fire_due(timers, 1.0)
    assert timers.next_timeout() == 2.0
    fire_due(timers, 2.0)
    assert fired == [2.0]


def test_cancelled_timers_do_not_pile_up() -> None:
    """S8: a heap of ten-second timers that are nearly all cancelled stays small."""
    timers = Timers()
    kept = [timers.start(100.0, print) for _ in range(10)]
    for _ in range(10_000):
        timers.start(10.0, print).cancel()
    assert len(timers) == len(kept)
    assert timers.stored <= 128
