"""Reads request bodies: JSON objects, whatever their content type says."""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from tidegate.errors import (
    BodyInvalid,
    BodyTooLarge,
    MoqBodyInvalid,
    MoqBodyTooLarge,
    MoqBodyTooSmall,
    MoqBodyUnreadable,
    RequestError,
)

AnyRequest = Request[Any, Any, Any]
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BodyErrors:
    """What one product calls a body's faults."""

    too_large: RequestError
    unreadable: RequestError
    empty: RequestError | None
    not_json: RequestError
    not_object: RequestError


CALLS = BodyErrors(
    too_large=BodyTooLarge(),
    unreadable=BodyInvalid("The request body could not be read."),
    empty=None,
    not_json=BodyInvalid("The request body is not valid JSON."),
    not_object=BodyInvalid("The request body is not a JSON object."),
)
MOQ = BodyErrors(
    too_large=MoqBodyTooLarge(),
    unreadable=MoqBodyUnreadable(),
    empty=MoqBodyInvalid("The request body is empty."),
    not_json=MoqBodyInvalid("The request body is not valid JSON."),
    not_object=MoqBodyInvalid("The request body is not a JSON object."),
)
MOQ_CREATE = BodyErrors(
    too_large=MOQ.too_large,
    unreadable=MOQ.unreadable,
    empty=MoqBodyTooSmall(),
    not_json=MOQ.not_json,
    not_object=MOQ.not_object,
)


async def read_object(request: AnyRequest, errors: BodyErrors) -> Object:
    """The body as a JSON object; an empty one is ``{}`` where ``errors`` has no word for it."""
    try:
        body = await request.body()
    except RequestEntityTooLarge:
        raise errors.too_large from None
    except InternalServerException:
        # The client hung up in the middle.
        raise errors.unreadable from None
    if not body.strip():
        if errors.empty is not None:
            raise errors.empty
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise errors.not_json from None
    if not isinstance(value, dict):
        raise errors.not_object
    return value


def printable(text: str) -> bool:
    """Whether ``text`` is free of control characters."""
    return not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in text)
