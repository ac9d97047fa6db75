"""What the OpenAPI document says where types do not: request bodies, which handlers read by hand,
and failures.
"""

from dataclasses import dataclass
from typing import Annotated

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, RequestBody, Schema
from litestar.openapi.spec.operation import Operation
from litestar.params import PathParameter, QueryParameter

from tidegate.api.envelope import Failure

AccountId = Annotated[str, PathParameter(schema_extra={"max_length": 32})]
Cursor = Annotated[
    str | None,
    QueryParameter(
        description="Strictly later (or earlier) than this RFC 3339 time.",
        schema_extra={
            "one_of": None,
            "type": OpenAPIType.STRING,
            "format": OpenAPIFormat.DATE_TIME,
        },
    ),
]
PerPage = Annotated[
    str | None,
    QueryParameter(
        description="At most 1000; more is taken as 1000.",
        schema_extra={"one_of": None, "type": OpenAPIType.INTEGER, "minimum": 1, "default": 1000},
    ),
]
Ascending = Annotated[
    str | None,
    QueryParameter(
        description="Oldest first.",
        schema_extra={"one_of": None, "type": OpenAPIType.BOOLEAN, "default": False},
    ),
]

_NAME = Schema(type=OpenAPIType.STRING, min_length=1, max_length=255)
_BOOLEAN = Schema(type=OpenAPIType.BOOLEAN)
_STRING = Schema(type=OpenAPIType.STRING)


def _object(properties: dict[str, Schema], required: list[str] | None = None) -> Schema:
    return Schema(type=OpenAPIType.OBJECT, properties={**properties}, required=required)


def _array(items: Schema, max_items: int | None = None) -> Schema:
    return Schema(type=OpenAPIType.ARRAY, items=items, max_items=max_items)


_UPSTREAMS = _array(_object({"url": _STRING}, ["url"]), max_items=16)
_CONFIG = _object(
    {
        "lingering_subscribe": _object(
            {
                "enabled": _BOOLEAN,
                "max_timeout_ms": Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=300_000),
            }
        ),
        "origin_fallback": _object({"enabled": _BOOLEAN, "origins": _UPSTREAMS}),
        "upstreams": _object({"enabled": _BOOLEAN, "upstreams": _UPSTREAMS}),
    }
)
_OPERATION = Schema(type=OpenAPIType.STRING, enum=["publish", "subscribe"])

OPTIONAL_NAME = _object({"name": _STRING})
RELAY_CREATE = _object({"name": _NAME}, ["name"])
RELAY_UPDATE = _object({"name": _NAME, "config": _CONFIG})
TOKEN_CREATE = _object(
    {
        "operations": Schema(type=OpenAPIType.ARRAY, items=_OPERATION, min_items=1),
        "expires": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
        "label": Schema(type=OpenAPIType.STRING, max_length=255),
    },
    ["operations"],
)
TOKEN_ROTATE = _object(
    {"type": Schema(type=OpenAPIType.STRING, enum=["publish_subscribe", "subscribe"])}, ["type"]
)


def with_body(schema: Schema, *, required: bool = True) -> type[Operation]:
    """An operation that reads such a JSON body."""

    @dataclass
    class WithBody(Operation):
        def __post_init__(self) -> None:
            content = {"application/json": OpenAPIMediaType(schema=schema)}
            self.request_body = RequestBody(content=content, required=required)

    return WithBody


def failures(*statuses: int) -> dict[int, ResponseSpec]:
    """Every failure has the same shape."""
    specs = {400: "The request is wrong.", 401: "No valid API token.", 403: "Not for this token."}
    specs |= {
        404: "There is no such thing.",
        409: "A limit is reached.",
        413: "The body is too large.",
    }
    return {
        status: ResponseSpec(Failure, description=specs[status], generate_examples=False)
        for status in (*statuses, *({404} - set(statuses)))
    }
