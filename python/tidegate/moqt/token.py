"""The Token structure that AUTHORIZATION TOKEN carries (draft-16 §9.2.2.1)."""

from dataclasses import dataclass, field
from enum import IntEnum

from tidegate.moqt.errors import KeyValueFormattingError, Truncated
from tidegate.moqt.wire import Reader, write_varint


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

    @classmethod
    def decode(cls, structure: bytes) -> "Token":
        """Reads a parameter's whole value.

        Raises:
            KeyValueFormattingError: it is no Token structure.
        """
        reader = Reader(structure)
        try:
            match reader.varint():
                case AliasType.USE_VALUE:
                    return cls.use_value(type=reader.varint(), value=reader.rest())
                case AliasType.REGISTER:
                    return cls.register(reader.varint(), type=reader.varint(), value=reader.rest())
                case AliasType.USE_ALIAS:
                    token = cls.use_alias(reader.varint())
                case AliasType.DELETE:
                    token = cls.delete(reader.varint())
                case _:
                    raise KeyValueFormattingError("a token has an unknown alias type")
        except Truncated:
            raise KeyValueFormattingError("a token is cut short") from None
        if not reader.at_end:
            raise KeyValueFormattingError("a token goes on after its alias")
        return token

    def encode(self) -> bytes:
        out = bytearray()
        write_varint(out, self.alias_type)
        if self.alias is not None:
            write_varint(out, self.alias)
        if self.type is not None and self.value is not None:
            write_varint(out, self.type)
            out += self.value
        return bytes(out)
