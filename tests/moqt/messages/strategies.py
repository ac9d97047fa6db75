"""Any message that a draft can say, in the form in which it arrives."""

from hypothesis import strategies as st
from tidegate.moqt.codes import CodeTable, RequestCode, RequestKind
from tidegate.moqt.messages import (
    AbsoluteJoiningFetch,
    ClientSetup,
    Fetch,
    FetchCancel,
    FetchOk,
    FetchRange,
    Goaway,
    MaxRequestId,
    Message,
    Namespace,
    NamespaceDone,
    Publish,
    PublishDone,
    PublishNamespace,
    PublishNamespaceCancel,
    PublishNamespaceDone,
    PublishOk,
    RelativeJoiningFetch,
    RequestError,
    RequestOk,
    RequestsBlocked,
    RequestUpdate,
    ServerSetup,
    SetupOptions,
    StandaloneFetch,
    Subscribe,
    SubscribeNamespace,
    SubscribeOk,
    TrackStatus,
    Unsubscribe,
    UnsubscribeNamespace,
)
from tidegate.moqt.names import FullTrackName, Location
from tidegate.moqt.properties import Properties
from tidegate.moqt.subscription import Filter, FilterStart, GroupOrder
from tidegate.moqt.token import Token
from tidegate.moqt.version import Profile

varints = st.integers(0, 63) | st.integers(0, 2**62 - 1)
positive = st.integers(1, 2**62 - 1)
milliseconds = st.none() | positive
flags = st.booleans()
priorities = st.integers(0, 255)
orders = st.sampled_from(GroupOrder)
reasons = st.text(max_size=300)
locations = st.builds(Location, varints, varints)
tokens = st.lists(
    st.builds(Token.use_value, st.binary(max_size=40), varints)
    | st.builds(Token.register, varints, st.binary(max_size=40), varints)
    | st.builds(Token.use_alias, varints)
    | st.builds(Token.delete, varints),
    max_size=3,
).map(tuple)
filters = st.builds(Filter, st.sampled_from(FilterStart)) | st.builds(
    Filter, locations, st.none() | st.integers(0, 2**62 - 2)
)


def namespaces(profile: Profile, minimum: int = 1) -> st.SearchStrategy[tuple[bytes, ...]]:
    shortest = 0 if profile.empty_namespace_fields else 1
    fields = st.binary(min_size=shortest, max_size=20)
    return st.lists(fields, min_size=minimum, max_size=32).map(tuple)


def tracks(profile: Profile) -> st.SearchStrategy[FullTrackName]:
    return st.builds(FullTrackName, namespaces(profile), st.binary(max_size=20))


def all_properties() -> st.SearchStrategy[Properties]:
    known = st.fixed_dictionaries(
        {},
        optional={
            0x02: positive,
            0x04: varints,
            0x0B: st.binary(max_size=20),
            0x0E: priorities,
            0x22: st.just(2),
            0x30: st.integers(0, 1),
        },
    )
    unknown = st.dictionaries(
        st.integers(0x40, 2**61).map(lambda kind: kind * 2), varints, max_size=3
    )
    odd = st.dictionaries(
        st.integers(0x40, 2**61).map(lambda kind: kind * 2 + 1), st.binary(max_size=20), max_size=3
    )
    return st.builds(
        lambda *parts: tuple(sorted(pair for part in parts for pair in part.items())),
        known,
        unknown,
        odd,
    )


def carried_properties(*kinds: int) -> st.SearchStrategy[Properties]:
    """What draft-14 carries in parameters."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys(kinds, positive)).map(
        lambda found: tuple(sorted(found.items()))
    )


def known_codes(table: CodeTable, kind: RequestKind) -> st.SearchStrategy[RequestCode]:
    return st.sampled_from(list(table.request[kind]))


def ranges(profile: Profile) -> st.SearchStrategy[FetchRange]:
    return (
        st.builds(RelativeJoiningFetch, varints, varints)
        | st.builds(AbsoluteJoiningFetch, varints, varints)
        | st.builds(StandaloneFetch, tracks(profile), locations, locations)
    )


def setup_options(*, client: bool) -> st.SearchStrategy[SetupOptions]:
    path = st.none() | st.text(max_size=30)
    return st.builds(
        SetupOptions,
        path=path if client else st.none(),
        authority=path if client else st.none(),
        max_request_id=varints,
        max_auth_token_cache_size=varints,
        tokens=st.lists(
            st.builds(Token.use_value, st.binary(max_size=40), varints), max_size=2
        ).map(tuple),
        implementation=path,
    )


def alike(profile: Profile) -> st.SearchStrategy[Message]:
    """Messages whose neutral form does not depend on the draft."""
    track = tracks(profile)
    version = varints if profile.versions_in_setup else st.none()
    versions = st.lists(varints, max_size=4).map(tuple)
    return st.one_of(
        st.builds(
            ClientSetup,
            versions if profile.versions_in_setup else st.just(()),
            setup_options(client=True),
        ),
        st.builds(ServerSetup, version, setup_options(client=False)),
        st.builds(Goaway, st.text(max_size=100)),
        st.builds(MaxRequestId, varints),
        st.builds(RequestsBlocked, varints),
        st.builds(Unsubscribe, varints),
        st.builds(FetchCancel, varints),
        st.builds(
            PublishDone,
            varints,
            st.sampled_from(list(profile.codes.done)),
            st.none() | st.integers(0, 2**62 - 2),
            reasons,
        ),
        st.builds(Fetch, varints, ranges(profile), priorities, st.none() | orders, tokens),
        st.builds(TrackStatus, varints, track, tokens),
        st.builds(PublishNamespace, varints, namespaces(profile), tokens),
    )


def fields_of_14(profile: Profile) -> st.SearchStrategy[Message]:
    """Draft-14: options are fields."""
    track = tracks(profile)
    both = carried_properties(0x02, 0x04)
    cache = carried_properties(0x04)

    def descending_too(message: SubscribeOk | Publish | RequestOk) -> Message:
        """A descending order is a property as well."""
        if message.group_order is not GroupOrder.DESCENDING:
            return message
        values = {name: getattr(message, name) for name in message.__slots__}
        return type(message)(**values | {"properties": (*message.properties, (0x22, 2))})

    errors = [
        st.builds(RequestError, varints, st.just(kind), known_codes(profile.codes, kind), reasons)
        for kind in profile.codes.request
    ]
    return st.one_of(
        st.builds(
            Subscribe,
            varints,
            track,
            priorities,
            st.none() | orders,
            flags,
            filters,
            milliseconds,
            tokens=tokens,
        ),
        st.builds(SubscribeOk, varints, varints, varints, orders, st.none() | locations, both).map(
            descending_too
        ),
        st.builds(
            Publish,
            varints,
            track,
            varints,
            orders,
            st.none() | locations,
            flags,
            tokens=tokens,
            properties=both,
        ).map(descending_too),
        st.builds(PublishOk, varints, flags, priorities, orders, filters, milliseconds),
        st.builds(
            RequestUpdate,
            varints,
            varints,
            priorities,
            flags,
            st.builds(Filter, locations, st.none() | st.integers(0, 2**62 - 2)),
            milliseconds,
            tokens=tokens,
        ),
        st.builds(FetchOk, varints, locations, flags, orders, cache),
        st.builds(
            RequestOk,
            varints,
            st.sampled_from([RequestKind.PUBLISH_NAMESPACE, RequestKind.SUBSCRIBE_NAMESPACE]),
        ),
        st.builds(
            RequestOk,
            varints,
            st.just(RequestKind.TRACK_STATUS),
            varints,
            st.none() | locations,
            orders,
            both,
        ).map(descending_too),
        st.one_of(errors),
        st.builds(PublishNamespaceDone, namespace=namespaces(profile)),
        st.builds(
            PublishNamespaceCancel,
            namespace=namespaces(profile),
            code=known_codes(profile.codes, RequestKind.PUBLISH_NAMESPACE),
            reason=reasons,
        ),
        st.builds(SubscribeNamespace, varints, namespaces(profile, 0), tokens=tokens),
        st.builds(UnsubscribeNamespace, namespaces(profile)),
    )


def parameters_of_16(profile: Profile) -> st.SearchStrategy[Message]:
    """Draft-16: options are parameters."""
    track = tracks(profile)
    properties = all_properties()
    code = known_codes(profile.codes, RequestKind.SUBSCRIBE)
    maybe_filter = st.none() | filters
    maybe_order = st.none() | orders
    maybe_location = st.none() | locations
    maybe_varint = st.none() | varints
    return st.one_of(
        st.builds(
            Subscribe,
            varints,
            track,
            priorities,
            maybe_order,
            flags,
            maybe_filter,
            milliseconds,
            maybe_varint,
            tokens,
        ),
        st.builds(
            SubscribeOk,
            varints,
            varints,
            varints,
            largest=maybe_location,
            properties=properties,
        ),
        st.builds(
            Publish,
            varints,
            track,
            varints,
            largest=maybe_location,
            forward=flags,
            expires=varints,
            tokens=tokens,
            properties=properties,
        ),
        st.builds(
            PublishOk,
            varints,
            flags,
            priorities,
            maybe_order,
            maybe_filter,
            milliseconds,
            varints,
            maybe_varint,
        ),
        st.builds(
            RequestUpdate,
            varints,
            varints,
            st.none() | priorities,
            st.none() | flags,
            maybe_filter,
            milliseconds,
            maybe_varint,
            tokens,
        ),
        st.builds(FetchOk, varints, locations, flags, properties=properties),
        st.builds(RequestOk, varints, expires=varints, largest=maybe_location),
        st.builds(
            RequestError,
            varints,
            st.none(),
            code,
            reasons,
            st.none() | st.integers(0, 2**62 - 2),
        ),
        st.builds(PublishNamespaceDone, varints),
        st.builds(PublishNamespaceCancel, varints, code=code, reason=reasons),
        st.builds(
            lambda request_id, prefix, wants, forward, tokens: SubscribeNamespace(
                request_id, prefix, wants[0], wants[1], forward, tokens
            ),
            varints,
            namespaces(profile, 0),
            st.sampled_from([(True, True), (True, False), (False, True)]),
            flags,
            tokens,
        ),
        st.builds(Namespace, namespaces(profile, 0)),
        st.builds(NamespaceDone, namespaces(profile, 0)),
    )


def messages(profile: Profile) -> st.SearchStrategy[Message]:
    own = parameters_of_16 if profile.options_are_parameters else fields_of_14
    return alike(profile) | own(profile)
