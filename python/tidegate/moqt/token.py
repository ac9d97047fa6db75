"""The Token structure that AUTHORIZATION TOKEN parameters carry (draft-16 §9.2.2.1)."""

from dataclasses import dataclass, field
from enum import IntEnum


class AliasType(IntEnum):
    """What a token says about the session's cache of aliases."""

    DELETE = 0x0
    REGISTER = 0x1
    USE_ALIAS = 0x2
    USE_VALUE = 0x3


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it travelled, its alias not yet resolved.

    Attributes:
        alias: None with USE_VALUE.
        type: None with DELETE and USE_ALIAS; 0 means agreed out of band, as JWTs are.
        value: None with DELETE and USE_ALIAS. Never printed.
    """

    alias_type: AliasType
    alias: int | None = None
    type: int | None = None
    value: bytes | None = field(default=None, repr=False)

    @classmethod
    def use_value(cls, value: bytes, type: int = 0) -> "Token":
        return cls(AliasType.USE_VALUE, None, type, value)

    @classmethod
    def register(cls, alias: int, value: bytes, type: int = 0) -> "Token":
        return cls(AliasType.REGISTER, alias, type, value)

    @classmethod
    def use_alias(cls, alias: int) -> "Token":
        return cls(AliasType.USE_ALIAS, alias)

    @classmethod
    def delete(cls, alias: int) -> "Token":
        return cls(AliasType.DELETE, alias)
