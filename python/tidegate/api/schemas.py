"""What the OpenAPI document says where types do not: parameters, bodies and failures."""

from dataclasses import dataclass, replace
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

_CONTROL = r"\x00-\x1f\x7f-\x9f"
_NAME = Schema(
    type=OpenAPIType.STRING,
    max_length=255,
    pattern=rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$",
)
_LABEL = Schema(type=OpenAPIType.STRING, max_length=255, pattern=rf"^[^{_CONTROL}]*$")
_URL = Schema(
    type=OpenAPIType.STRING,
    max_length=2048,
    pattern=r"^(moqt|https)://[A-Za-z0-9._-]+(:[1-9][0-9]{0,3})?([/?][!\"$-~]*)?$",
)
_BOOLEAN = Schema(type=OpenAPIType.BOOLEAN)
_OPERATION = Schema(type=OpenAPIType.STRING, enum=["publish", "subscribe"])
_SLOT = Schema(type=OpenAPIType.STRING, enum=["publish_subscribe", "subscribe"])


def _object(properties: dict[str, Schema], required: list[str] | None = None) -> Schema:
    return Schema(type=OpenAPIType.OBJECT, properties={**properties}, required=required)


def _array(items: Schema, **bounds: int) -> Schema:
    return Schema(type=OpenAPIType.ARRAY, items=items, **bounds)  # type: ignore[arg-type]


def _nullable(schema: Schema) -> Schema:
    """Null counts as left out."""
    assert isinstance(schema.type, OpenAPIType)
    return replace(schema, type=[schema.type, OpenAPIType.NULL])


_UPSTREAMS = _nullable(_array(_object({"url": _URL}, ["url"]), max_items=16))
_LINGER = _object(
    {
        "enabled": _BOOLEAN,
        "max_timeout_ms": Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=300_000),
    }
)
_CONFIG = _object(
    {
        "lingering_subscribe": _nullable(_LINGER),
        "origin_fallback": _nullable(_object({"enabled": _BOOLEAN, "origins": _UPSTREAMS})),
        "upstreams": _nullable(_object({"enabled": _BOOLEAN, "upstreams": _UPSTREAMS})),
    }
)
_TIME = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME)

OPTIONAL_NAME = _object({"name": Schema(type=OpenAPIType.STRING, pattern=r"^[^\x00]*$")})
RELAY_CREATE = _object({"name": _NAME}, ["name"])
RELAY_UPDATE = _object({"name": _NAME, "config": _nullable(_CONFIG)})
TOKEN_CREATE = _object(
    {
        "operations": _array(_OPERATION, min_items=1),
        "expires": _nullable(_TIME),
        "label": _nullable(_LABEL),
    },
    ["operations"],
)
TOKEN_ROTATE = _object({"type": _SLOT}, ["type"])


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
        for status in {*statuses, 400, 404}
    }
