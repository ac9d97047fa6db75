"""Which draft a session speaks, and what that changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from tidegate.moqt.codes import D14_CODES, D16_CODES, CodeTable


class Draft(IntEnum):
    """A draft of draft-ietf-moq-transport that sessions can speak."""

    D14 = 14
    D16 = 16

    def __str__(self) -> str:
        return f"draft-{self.value}"


@dataclass(frozen=True, slots=True, repr=False)
class Profile:
    """What a draft changes across many messages: one field a behaviour, one row a draft.

    Attributes:
        draft: for logs and ``status`` only; rules ask the other fields.
        alpn: names the draft on raw QUIC, and in WebTransport's protocol headers.
        versions_in_setup: SETUP lists and selects versions; ``alpn`` alone does not name the draft.
        type_deltas: a key-value pair states its type as the distance from the one before.
        options_are_parameters: forward, priority, order, filter, expires and largest are
            parameters that may be absent; otherwise fields that are always there.
        unknown_parameters_close: an unknown message parameter ends the session; otherwise it
            is ignored.
        setup_aliases_forbidden: tokens in SETUP may not delete or use an alias.
        authority_type_is_shared: setup option 0x05 is AUTHORITY or MOQT_IMPLEMENTATION; ours is
            sent as 0x07, the type it has otherwise, which a peer that does not know it ignores.
        replies_unified: one REQUEST_OK and one REQUEST_ERROR answer most requests; otherwise
            each request has types, and error numbers, of its own.
        replies_name_the_request: a reply carries its Request ID; otherwise its stream tells.
        has_retry_interval: REQUEST_ERROR says when to try again.
        track_properties: SUBSCRIBE_OK, PUBLISH and FETCH_OK end with the track's properties;
            otherwise two of them travel as parameters and the others not at all.
        namespace_requests_on_own_stream: SUBSCRIBE_NAMESPACE opens a bidirectional stream, is
            answered there and cancelled by closing it.
        namespace_options: SUBSCRIBE_NAMESPACE chooses namespaces, tracks or both; otherwise it
            always asks for both.
        namespaces_have_messages: matches are announced by NAMESPACE and NAMESPACE_DONE;
            otherwise by PUBLISH_NAMESPACE requests that the subscriber answers.
        withdraws_by_request_id: PUBLISH_NAMESPACE_DONE and _CANCEL name the request; otherwise
            the namespace.
        empty_namespace_fields: a namespace field may be empty; otherwise that ends the session.
        update_acknowledged: an update is answered; it may also widen, be partial, and change
            any request. Otherwise it states a subscription anew, may only narrow, and has no
            reply.
        zero_delivery_timeout_closes: DELIVERY_TIMEOUT 0 ends the session; otherwise it means
            none.
        duplicate_subscription_closes: a second subscription to a track ends the session;
            otherwise it is refused with DUPLICATE_SUBSCRIPTION.
        max_request_id: requests need credit granted by MAX_REQUEST_ID.
        empty_fetch_is_error: a FETCH of a range without objects is refused with NO_OBJECTS;
            otherwise it is an empty stream.
        unknown_ranges_marked: a FETCH stream can mark a range as unknown; otherwise the FETCH is
            refused with UNKNOWN_STATUS_IN_RANGE, or its stream is reset.
        default_priority: a subgroup or datagram may leave its priority to the track.
        preference_per_object: subgroups and datagrams may mix in a track.
        goaway_timeout: GOAWAY says how long the peer has.
        codes: the draft's error and status numbers.
        zero_group_order: GROUP_ORDER 0 counts as absent although the draft forbids it (Shaka
            sends it).
    """

    draft: Draft
    alpn: str
    versions_in_setup: bool
    type_deltas: bool
    options_are_parameters: bool
    unknown_parameters_close: bool
    setup_aliases_forbidden: bool
    authority_type_is_shared: bool
    replies_unified: bool
    replies_name_the_request: bool
    has_retry_interval: bool
    track_properties: bool
    namespace_requests_on_own_stream: bool
    namespace_options: bool
    namespaces_have_messages: bool
    withdraws_by_request_id: bool
    empty_namespace_fields: bool
    update_acknowledged: bool
    zero_delivery_timeout_closes: bool
    duplicate_subscription_closes: bool
    max_request_id: bool
    empty_fetch_is_error: bool
    unknown_ranges_marked: bool
    default_priority: bool
    preference_per_object: bool
    goaway_timeout: bool
    codes: CodeTable
    zero_group_order: bool = True

    def __repr__(self) -> str:
        return f"<Profile {self.draft}>"

    def __str__(self) -> str:
        return str(self.draft)


D14 = Profile(
    draft=Draft.D14,
    alpn="moq-00",
    versions_in_setup=True,
    type_deltas=False,
    options_are_parameters=False,
    unknown_parameters_close=False,
    setup_aliases_forbidden=False,
    authority_type_is_shared=True,
    replies_unified=False,
    replies_name_the_request=True,
    has_retry_interval=False,
    track_properties=False,
    namespace_requests_on_own_stream=False,
    namespace_options=False,
    namespaces_have_messages=False,
    withdraws_by_request_id=False,
    empty_namespace_fields=True,
    update_acknowledged=False,
    zero_delivery_timeout_closes=False,
    duplicate_subscription_closes=True,
    max_request_id=True,
    empty_fetch_is_error=True,
    unknown_ranges_marked=False,
    default_priority=False,
    preference_per_object=False,
    goaway_timeout=False,
    codes=D14_CODES,
)
D16 = Profile(
    draft=Draft.D16,
    alpn="moqt-16",
    versions_in_setup=False,
    type_deltas=True,
    options_are_parameters=True,
    unknown_parameters_close=True,
    setup_aliases_forbidden=True,
    authority_type_is_shared=False,
    replies_unified=True,
    replies_name_the_request=True,
    has_retry_interval=True,
    track_properties=True,
    namespace_requests_on_own_stream=True,
    namespace_options=True,
    namespaces_have_messages=True,
    withdraws_by_request_id=True,
    empty_namespace_fields=False,
    update_acknowledged=True,
    zero_delivery_timeout_closes=True,
    duplicate_subscription_closes=False,
    max_request_id=True,
    empty_fetch_is_error=False,
    unknown_ranges_marked=True,
    default_priority=True,
    preference_per_object=True,
    goaway_timeout=False,
    codes=D16_CODES,
)

PROFILES: tuple[Profile, ...] = (D16, D14)
"""Every draft served, the preferred one first."""

_BY_ALPN = {profile.alpn: profile for profile in PROFILES}
_BY_VERSION = {0xFF000000 + profile.draft: profile for profile in PROFILES}


def alpns(profiles: Sequence[Profile] = PROFILES) -> list[str]:
    """What a listener offers on raw QUIC, the preferred draft first."""
    return [profile.alpn for profile in profiles]


def from_alpn(alpn: str) -> Profile | None:
    """The profile whose SETUP to expect after TLS chose ``alpn``."""
    return _BY_ALPN.get(alpn)


def setup_version(profile: Profile) -> int:
    """The number that SETUP uses for a draft."""
    return 0xFF000000 + profile.draft


def select_version(
    offered: Sequence[int], profiles: Sequence[Profile] = PROFILES
) -> Profile | None:
    """The best draft of a CLIENT_SETUP's list, among those that are chosen in SETUP.

    None: nothing in common; close with VERSION_NEGOTIATION_FAILED.
    """
    for profile in profiles:
        if profile.versions_in_setup and setup_version(profile) in offered:
            return profile
    return None


@dataclass(frozen=True, slots=True)
class WebTransportChoice:
    """How to answer an extended CONNECT.

    Attributes:
        profile: the SETUP to expect.
        protocol: what ``WT-Protocol`` echoes; None: send no such header.
    """

    profile: Profile
    protocol: str | None


def choose_webtransport(
    offered: Sequence[str], profiles: Sequence[Profile] = PROFILES
) -> WebTransportChoice | None:
    """Chooses among the strings of ``WT-Available-Protocols``, which may be none.

    Our order of preference decides. Without a common string the client may still speak a draft
    that is chosen in SETUP, if the listener serves one (``@moq/net`` never offers ``moq-00`` and
    relies on this). None: refuse the request.
    """
    for profile in profiles:
        if profile.alpn in offered:
            return WebTransportChoice(profile, profile.alpn)
    for profile in profiles:
        if profile.versions_in_setup:
            return WebTransportChoice(profile, None)
    return None
