"""GOAWAY: the sender will close the session soon."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goaway:
    """Attributes:
    new_session_uri: where to go instead; "" = the same place. A client must send "".
    """

    new_session_uri: str = ""
