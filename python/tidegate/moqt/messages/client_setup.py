"""CLIENT_SETUP: the client's first message."""

from dataclasses import dataclass, field

from tidegate.moqt.setup_options import SetupOptions
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_varint


@dataclass(frozen=True, slots=True)
class ClientSetup:
    """Opens a session.

    Attributes:
        versions: in the client's order; () in drafts that are not chosen in SETUP.
        options: as sent; ask them for ``on_carrier``.
    """

    versions: tuple[int, ...] = ()
    options: SetupOptions = field(default_factory=SetupOptions)

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "ClientSetup":
        versions: tuple[int, ...] = ()
        if profile.versions_in_setup:
            versions = tuple([reader.varint() for _ in range(reader.count())])
        return cls(versions, SetupOptions.decode(profile, reader))

    def encode(self, profile: Profile, out: bytearray) -> int:
        if profile.versions_in_setup:
            write_varint(out, len(self.versions))
            for version in self.versions:
                write_varint(out, version)
        self.options.encode(profile, out)
        return 0x20
