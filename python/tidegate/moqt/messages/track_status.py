"""TRACK_STATUS: asks what SUBSCRIBE_OK would say, without subscribing."""

from dataclasses import dataclass

from tidegate.moqt.messages.subscribe import Subscribe
from tidegate.moqt.names import FullTrackName
from tidegate.moqt.parameters import write_parameters
from tidegate.moqt.subscription import LARGEST_OBJECT
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_track, write_varint


@dataclass(frozen=True, slots=True)
class TrackStatus:
    """Delivery options that 14 puts into it mean nothing and are dropped."""

    request_id: int
    track: FullTrackName
    tokens: tuple[Token, ...] = ()

    @classmethod
    def decode(cls, profile: Profile, reader: Reader) -> "TrackStatus":
        request = Subscribe.decode(profile, reader)
        return cls(request.request_id, request.track, request.tokens)

    def encode(self, profile: Profile, out: bytearray) -> int:
        if profile.options_are_parameters:
            write_varint(out, self.request_id)
            write_track(out, self.track)
            write_parameters(profile, out, tokens=self.tokens)
        else:
            request = Subscribe(
                self.request_id, self.track, filter=LARGEST_OBJECT, tokens=self.tokens
            )
            request.encode(profile, out)
        return 0x0D
