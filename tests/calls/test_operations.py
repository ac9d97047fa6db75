"""Requests are answered once, whatever goes wrong, and take turns."""

import random

import pytest
from tidegate.addresses import HostPort
from tidegate.calls.bodies import RenegotiateResponse, Response
from tidegate.calls.limits import Limits
from tidegate.calls.negotiation import LocalTransport
from tidegate.calls.operations import Operation, Turns
from tidegate.calls.plane import Plane
from tidegate.errors import CallsError, CallsInternalError, InvalidParams, SignalingStateNotStable

from tests.calls.harness import FakeEngine


class Answers(list[Response | CallsError]):
    """What an operation was answered."""

    def operation(self) -> Operation:
        return Operation(self.append, 0.0)


@pytest.fixture
def plane() -> Plane:
    transport = LocalTransport((HostPort("192.0.2.7", 4443),), bytes(32))
    return Plane(FakeEngine(), Limits(), transport, random.Random(1).randbytes)


def settle(plane: Plane, now: float) -> None:
    while plane.soon:
        plane.soon.popleft()(now)


def fail(now: float) -> None:
    raise InvalidParams("no")


def crash(now: float) -> None:
    raise ZeroDivisionError


def test_the_first_answer_counts() -> None:
    answers = Answers()
    operation = answers.operation()
    endings: list[str] = []
    operation.at_end(lambda: endings.append("end"))
    operation.complete(RenegotiateResponse())
    operation.complete(InvalidParams("too late"))
    operation.run(crash, 1.0)
    assert answers == [RenegotiateResponse()]
    assert endings == ["end"]


def test_a_failure_is_the_answer() -> None:
    answers = Answers()
    answers.operation().run(fail, 0.0)
    assert [type(answer) for answer in answers] == [InvalidParams]


def test_a_bug_is_answered_without_its_text(expected_bug: None) -> None:
    answers = Answers()
    answers.operation().run(crash, 0.0)
    assert [type(answer) for answer in answers] == [CallsInternalError]


def test_who_cannot_take_its_answer_harms_nobody(expected_bug: None) -> None:
    def refuse(result: Response | CallsError) -> None:
        raise ConnectionError

    Operation(refuse, 0.0).complete(RenegotiateResponse())


def test_turns_come_in_order(plane: Plane) -> None:
    turns, answers, begun = Turns(plane), Answers(), list[tuple[str, float]]()
    operations = {name: answers.operation() for name in "abc"}
    for name, operation in operations.items():
        turns.take(operation, lambda now, name=name: begun.append((name, now)), 1.0)  # type: ignore[misc]
    assert begun == [("a", 1.0)]
    operations["a"].complete(RenegotiateResponse())
    settle(plane, 2.0)
    assert begun == [("a", 1.0), ("b", 2.0)]
    assert operations["b"].started == 2.0
    operations["b"].run(wait, 2.0)
    operations["b"].complete(RenegotiateResponse())
    settle(plane, 3.0)
    assert begun[-1] == ("c", 3.0)


def wait(now: float) -> None:
    """A step that leaves its request waiting."""


def test_who_waited_in_vain_leaves_the_queue(plane: Plane) -> None:
    turns, answers, begun = Turns(plane), Answers(), list[float]()
    first, second, third = (answers.operation() for _ in range(3))
    turns.take(first, wait, 0.0)
    turns.take(second, begun.append, 0.0)
    turns.take(third, begun.append, 5.0)
    timer = plane.timers.due(9.0)
    assert timer is not None
    timer.fire(9.0)
    assert [type(answer) for answer in answers] == [SignalingStateNotStable]
    assert not second.pending
    first.complete(RenegotiateResponse())
    settle(plane, 10.0)
    assert begun == [10.0]


def test_a_turn_that_fails_is_over(plane: Plane) -> None:
    turns, answers, begun = Turns(plane), Answers(), list[float]()
    turns.take(answers.operation(), fail, 0.0)
    turns.take(answers.operation(), begun.append, 0.0)
    assert begun == [0.0]
