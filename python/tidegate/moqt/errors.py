"""Why bytes are not a message, and why a message is not bytes."""

from tidegate.moqt.codes import SessionCode


class CodecError(Exception):
    """Bytes and messages did not fit each other."""


class DecodeError(CodecError):
    """The peer sent what its draft does not allow: close the session with ``code``.

    The text names fields and sizes, never their content: it is fit for logs and for the peer.
    """

    code = SessionCode.PROTOCOL_VIOLATION


class ProtocolViolation(DecodeError):
    """PROTOCOL_VIOLATION: a shape, a length, a value or an order that is not allowed."""


class UnknownMessage(ProtocolViolation):
    """No message of this draft has this type, or it may not appear on this stream."""

    def __init__(self, message_type: int, where: str) -> None:
        super().__init__(f"message type {message_type:#x} has no place on {where}")
        self.message_type = message_type


class Truncated(ProtocolViolation):
    """A field reaches beyond the end of its message."""


class KeyValueFormattingError(DecodeError):
    """KEY_VALUE_FORMATTING_ERROR: a known key's value has the wrong syntax."""

    code = SessionCode.KEY_VALUE_FORMATTING_ERROR


class InvalidPath(DecodeError):
    """INVALID_PATH: PATH came from a server, or over WebTransport."""

    code = SessionCode.INVALID_PATH


class MalformedPath(DecodeError):
    """MALFORMED_PATH: PATH is no ``path-abempty[?query]``."""

    code = SessionCode.MALFORMED_PATH


class InvalidAuthority(DecodeError):
    """INVALID_AUTHORITY: AUTHORITY came from a server, or over WebTransport."""

    code = SessionCode.INVALID_AUTHORITY


class MalformedAuthority(DecodeError):
    """MALFORMED_AUTHORITY: AUTHORITY is no URI authority."""

    code = SessionCode.MALFORMED_AUTHORITY


class EncodeError(CodecError):
    """A message cannot be said in this draft. A bug of ours: ask the profile first."""
