"""Message parameters: one decoder and one encoder for all messages."""

from tidegate.moqt import pairs
from tidegate.moqt.errors import KeyValueFormattingError, ProtocolViolation, Truncated
from tidegate.moqt.names import Location
from tidegate.moqt.subscription import Filter, GroupOrder, group_order, read_filter, write_filter
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile
from tidegate.moqt.wire import Reader, write_location

DELIVERY_TIMEOUT = 0x02
AUTHORIZATION_TOKEN = 0x03
MAX_CACHE_DURATION = 0x04
EXPIRES = 0x08
LARGEST_OBJECT = 0x09
FORWARD = 0x10
SUBSCRIBER_PRIORITY = 0x20
SUBSCRIPTION_FILTER = 0x21
GROUP_ORDER = 0x22
NEW_GROUP_REQUEST = 0x32

_KNOWN_BESIDE_FIELDS = frozenset({DELIVERY_TIMEOUT, AUTHORIZATION_TOKEN, MAX_CACHE_DURATION})
_KNOWN_ALONE = frozenset(
    {
        DELIVERY_TIMEOUT,
        AUTHORIZATION_TOKEN,
        EXPIRES,
        LARGEST_OBJECT,
        FORWARD,
        SUBSCRIBER_PRIORITY,
        SUBSCRIPTION_FILTER,
        GROUP_ORDER,
        NEW_GROUP_REQUEST,
    }
)


class Parameters:
    """A message's parameters. Each is checked when its message asks for it: one that a message
    does not ask for was in the wrong message, and is ignored as the drafts demand."""

    __slots__ = ("_integers", "_profile", "_strings", "_tokens")

    def __init__(self, profile: Profile, reader: Reader) -> None:
        """Reads the count and the parameters.

        Raises:
            ProtocolViolation: one is repeated, or unknown where that is not ignored.
        """
        self._profile = profile
        self._integers: dict[int, int] = {}
        self._strings: dict[int, bytes] = {}
        self._tokens: list[bytes] = []
        known = _KNOWN_ALONE if profile.options_are_parameters else _KNOWN_BESIDE_FIELDS
        for kind, value in pairs.read_counted(profile, reader):
            if kind not in known:
                if profile.unknown_parameters_close:
                    raise ProtocolViolation(f"no parameter has type {kind:#x}")
            elif isinstance(value, int):
                if kind in self._integers:
                    raise ProtocolViolation(f"parameter {kind:#x} is repeated")
                self._integers[kind] = value
            elif kind == AUTHORIZATION_TOKEN:
                self._tokens.append(value)
            else:
                if kind in self._strings:
                    raise ProtocolViolation(f"parameter {kind:#x} is repeated")
                self._strings[kind] = value

    def tokens(self) -> tuple[Token, ...]:
        return tuple([Token.decode(structure) for structure in self._tokens])

    def delivery_timeout(self) -> int | None:
        """Milliseconds; None: none."""
        value = self._integers.get(DELIVERY_TIMEOUT)
        if value == 0:
            if self._profile.zero_delivery_timeout_closes:
                raise ProtocolViolation("a delivery timeout is 0")
            return None
        return value

    def max_cache_duration(self) -> int | None:
        """Milliseconds; None: no limit."""
        return self._integers.get(MAX_CACHE_DURATION)

    def expires(self) -> int:
        """Milliseconds; 0: never, or unknown."""
        return self._integers.get(EXPIRES, 0)

    def forward(self) -> bool | None:
        value = self._integers.get(FORWARD)
        if value is None:
            return None
        if value > 1:
            raise ProtocolViolation("FORWARD is neither 0 nor 1")
        return value == 1

    def priority(self) -> int | None:
        value = self._integers.get(SUBSCRIBER_PRIORITY)
        if value is not None and value > 255:
            raise ProtocolViolation("a subscriber priority is above 255")
        return value

    def group_order(self) -> GroupOrder | None:
        value = self._integers.get(GROUP_ORDER)
        if value is None:
            return None
        if value == 0 and not self._profile.zero_group_order:
            raise ProtocolViolation("a group order is 0")
        return group_order(value)

    def new_group_request(self) -> int | None:
        return self._integers.get(NEW_GROUP_REQUEST)

    def largest(self) -> Location | None:
        value = self._strings.get(LARGEST_OBJECT)
        if value is None:
            return None
        reader = Reader(value)
        try:
            location = reader.location()
        except Truncated:
            raise KeyValueFormattingError("a largest object is cut short") from None
        if not reader.at_end:
            raise KeyValueFormattingError("a largest object is followed by more")
        return location

    def filter(self) -> Filter | None:
        value = self._strings.get(SUBSCRIPTION_FILTER)
        if value is None:
            return None
        reader = Reader(value)
        chosen = read_filter(reader)
        reader.finish()
        return chosen


def write_parameters(
    profile: Profile,
    out: bytearray,
    *,
    delivery_timeout: int | None = None,
    tokens: tuple[Token, ...] = (),
    max_cache_duration: int | None = None,
    expires: int = 0,
    largest: Location | None = None,
    forward: bool | None = None,
    priority: int | None = None,
    filter: Filter | None = None,
    group_order: GroupOrder | None = None,
    new_group_request: int | None = None,
) -> None:
    """Writes the count and the parameters that are given, by ascending type.

    The caller gives only what the draft has as parameters.
    """
    chosen: list[pairs.Pair] = []
    if delivery_timeout:
        chosen.append((DELIVERY_TIMEOUT, delivery_timeout))
    for token in tokens:
        chosen.append((AUTHORIZATION_TOKEN, token.encode()))
    if max_cache_duration is not None:
        chosen.append((MAX_CACHE_DURATION, max_cache_duration))
    if expires:
        chosen.append((EXPIRES, expires))
    if largest is not None:
        location = bytearray()
        write_location(location, largest)
        chosen.append((LARGEST_OBJECT, bytes(location)))
    if forward is not None:
        chosen.append((FORWARD, int(forward)))
    if priority is not None:
        chosen.append((SUBSCRIBER_PRIORITY, priority))
    if filter is not None:
        structure = bytearray()
        write_filter(structure, filter)
        chosen.append((SUBSCRIPTION_FILTER, bytes(structure)))
    if group_order is not None:
        chosen.append((GROUP_ORDER, group_order))
    if new_group_request is not None:
        chosen.append((NEW_GROUP_REQUEST, new_group_request))
    pairs.write_counted(profile, out, chosen)
