"""SERVER_SETUP: the server's first message."""

from dataclasses import dataclass, field

from tidegate.moqt.errors import EncodeError
from tidegate.moqt.setup_options import SetupOptions
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_varint


@dataclass(frozen=True, slots=True)
class ServerSetup:
    """Accepts a session.

    Attributes:
        version: the selected one; None in drafts that are not chosen in SETUP.
        options: with ``from_server`` already applied on arrival.
    """

    version: int | None = None
    options: SetupOptions = field(default_factory=SetupOptions)

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "ServerSetup":
        version = reader.varint() if profile.versions_in_setup else None
        return cls(version, SetupOptions.decode(profile, reader).from_server(profile))

    def encode(self, profile: Profile, out: bytearray) -> int:
        if profile.versions_in_setup:
            if self.version is None:
                raise EncodeError("SERVER_SETUP selects a version in this draft")
            write_varint(out, self.version)
        self.options.encode(profile, out)
        return 0x21
