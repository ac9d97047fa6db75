"""``PUT renegotiate``: the client's answer to our offer."""

from tidegate.calls import checks
from tidegate.calls.bodies import RenegotiateRequest, RenegotiateResponse
from tidegate.calls.operations import Operation
from tidegate.calls.session import Session
from tidegate.errors import InvalidParams


def renegotiate(
    session: Session, operation: Operation, request: RenegotiateRequest, now: float
) -> None:
    """Completes the exchange; an answer that cannot be accepted leaves the offer outstanding."""
    sdp = checks.description(request, "answer")
    if sdp is None:
        raise InvalidParams("Missing sessionDescription")

    def accept(now: float) -> None:
        session.carry_out(session.negotiation.accept_answer(sdp), now)
        operation.complete(RenegotiateResponse())

    session.turns.take(operation, accept, now)
