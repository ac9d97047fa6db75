"""What tests look at in answers."""

from typing import Any


def error(reply: Any) -> tuple[int, int]:
    """Status and code of a refusal, once its envelope is seen to be right."""
    body = reply.json()
    assert body["success"] is False
    assert body["result"] is None
    assert body["messages"] == []
    [problem] = body["errors"]
    assert problem["message"].endswith(".")
    return reply.status_code, problem["code"]
