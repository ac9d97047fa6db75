"""Every exception that Tidegate raises on purpose, as one tree.

The branch says whose turn it is: a :class:`StartError` is the operator's, a :class:`RequestError`
the API caller's, a :class:`TokenError` the MoQ client's, a :class:`CallsError` the SFU client's.
Anything outside the tree is a bug. No message carries a secret.
"""

from typing import ClassVar


class TidegateError(Exception):
    """The root: catch it to catch whatever Tidegate foresaw."""


class StartError(TidegateError):
    """The process cannot do as it was told: one line for the operator, exit status 2."""


class SettingError(StartError):
    """A setting has a value that it cannot have; ``name`` is how the operator spelled it."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name


class BenchError(StartError):
    """What is measured, or what measures it, did not start or did not finish."""


class DataDirectoryError(StartError):
    """The data directory cannot be used: locked by another server, unreadable, or not ours."""


class DatabaseError(StartError):
    """The database cannot be opened or brought to this version's schema."""


class SealError(StartError):
    """A sealed value does not open: the secret key is not the one it was sealed with."""


class TokenError(TidegateError):
    """A relay token does not open its relay. The message never holds any part of the token."""


class TokenMalformed(TokenError):
    """Not a relay token at all: wrong shape, wrong algorithm, or claims of the wrong type."""


class TokenExpired(TokenError):
    """Signed by us, and past its ``exp``."""


class TokenUnauthorized(TokenError):
    """Well formed, and opens nothing: other key or issuer, revoked, or its relay is gone."""


class RequestError(TidegateError):
    """An API call that its caller can put right; becomes one entry of the envelope's ``errors``.

    Attributes:
        status: the HTTP status.
        code: the v4 error code.
        pointer: JSON pointer to the offending member of the body, where there is one.
    """

    status: ClassVar[int] = 400
    code: ClassVar[int] = 1002

    def __init__(self, message: str, *, pointer: str | None = None) -> None:
        super().__init__(message)
        self.pointer = pointer


class MissingCredentials(RequestError):
    status, code = 401, 9106

    def __init__(self) -> None:
        super().__init__("Missing X-Auth-Key, X-Auth-Email or Authorization headers")


class InvalidCredentials(RequestError):
    status, code = 401, 1000

    def __init__(self) -> None:
        super().__init__("Invalid API Token")


class PermissionMissing(RequestError):
    """The token is good, but not for this account or not for this operation."""

    status, code = 403, 10000

    def __init__(self) -> None:
        super().__init__("Authentication error")


class NoSuchRoute(RequestError):
    status, code = 404, 7000

    def __init__(self) -> None:
        super().__init__("No route for that URI")


class MalformedAccount(RequestError):
    status, code = 404, 7003

    def __init__(self) -> None:
        super().__init__(
            "Could not route to the account, perhaps your object identifier is invalid?"
        )


class MethodNotAllowed(RequestError):
    status, code = 405, 10405

    def __init__(self) -> None:
        super().__init__("Method not allowed")


class BodyInvalid(RequestError):
    """A calls body that is no JSON object, or has a member of the wrong type."""


class BodyTooLarge(RequestError):
    status, code = 413, 10413

    def __init__(self) -> None:
        super().__init__("Request body too large")


class ResourceNotFound(RequestError):
    """An app or TURN key that this account does not have."""

    status, code = 404, 1001


class ResourceLimitReached(RequestError):
    """The account holds as many apps or TURN keys as it may."""

    status, code = 409, 1003


class MoqBodyTooLarge(RequestError):
    status, code = 413, 21001

    def __init__(self) -> None:
        super().__init__("The request body is too large.")


class MoqBodyTooSmall(RequestError):
    code = 21002

    def __init__(self) -> None:
        super().__init__("The request body is empty or has no name.")


class MoqIdInvalid(RequestError):
    """A relay id or token id of a path that is not 32 lower-case hex digits."""

    code = 21003


class MoqBodyInvalid(RequestError):
    """Not JSON, or a member or query parameter of the wrong type or out of range."""

    code = 21004


class MoqBodyUnreadable(RequestError):
    code = 21005

    def __init__(self) -> None:
        super().__init__("The request body could not be read.")


class RelayNotFound(RequestError):
    """No such relay in this account: never made, another account's, or deleted."""

    status, code = 404, 21007

    def __init__(self) -> None:
        super().__init__("A MoQ relay with this ID was not found.")


class RelayLimitReached(RequestError):
    status, code = 409, 21008

    def __init__(self, limit: int) -> None:
        super().__init__(f"This account has reached its limit of {limit} MoQ relays.")


class FallbackConflict(RequestError):
    """Lingering subscribe and origin fallback exclude each other."""

    code = 21009

    def __init__(self) -> None:
        super().__init__("Origin fallback and lingering subscribe cannot both be enabled.")


class TokenLimitReached(RequestError):
    status, code = 409, 21009

    def __init__(self, limit: int) -> None:
        super().__init__(f"This relay has reached its limit of {limit} tokens.")


class TokenKindInvalid(RequestError):
    """The ``type`` of a rotation, or the ``operations`` of a new token, are not ones that exist."""

    code = 21010


class RelayNameEmpty(RequestError):
    code = 21011

    def __init__(self) -> None:
        super().__init__("The relay name must not be empty.", pointer="/name")


class TokenExpiryInvalid(RequestError):
    code = 21012

    def __init__(self) -> None:
        super().__init__(
            "expires must lie in the future and at most one year away.", pointer="/expires"
        )


class UpstreamInvalid(RequestError):
    """An upstream URL that cannot be dialled."""

    code = 21013


class ConfigOnCreate(RequestError):
    code = 21014

    def __init__(self) -> None:
        super().__init__(
            "config cannot be set when a relay is created; update the relay instead.",
            pointer="/config",
        )


class CallsError(TidegateError):
    """A call of the SFU's API that failed as a whole. No text quotes SDP, a secret or a password.

    Attributes:
        status: the HTTP status.
        code: ``errorCode``.
        subcode: ``errorSubcode``, where there is one.
        retry_after: seconds, for the header of that name, where another try is worth it.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    subcode: ClassVar[str | None] = None
    retry_after: ClassVar[int | None] = None


class AppSecretInvalid(CallsError):
    """The bearer token is missing, or is not the secret of the app in the path."""

    status, code = 401, "unauthorized"

    def __init__(self) -> None:
        super().__init__("The app secret is missing or is not this app's.")


class AppNotFound(CallsError):
    status, code = 404, "not_found"

    def __init__(self) -> None:
        super().__init__("App not found.")


class CallsRouteNotFound(CallsError):
    status, code = 404, "not_found"

    def __init__(self) -> None:
        super().__init__("No such endpoint.")


class DecodingError(CallsError):
    """The body is no JSON object, or a member has another type than documented."""

    status, code = 400, "decoding_error"

    def __init__(self) -> None:
        super().__init__("The request could not be decoded.")


class InvalidParams(CallsError):
    """A member, a value, a combination or a number of things that an operation does not take."""

    status, code = 406, "invalid_params"


class PayloadTooLarge(CallsError):
    status, code = 413, "payload_too_large"

    def __init__(self) -> None:
        super().__init__("The request body is too large.")


class InvalidSessionDescription(CallsError):
    """SDP that was understood, and cannot be accepted."""

    status, code = 406, "invalid_session_description"


class MalformedSessionDescription(InvalidSessionDescription):
    """SDP that cannot be parsed."""

    status = 400


class SignalingStateNotStable(InvalidSessionDescription):
    """Another exchange of descriptions is open: the client answers that one first."""

    subcode = "signaling_state_not_stable"

    def __init__(self) -> None:
        super().__init__("The current signaling state is expecting a remote answer.")


class NoOfferOutstanding(InvalidSessionDescription):
    """An answer to nothing, or a second one to the same offer."""

    def __init__(self) -> None:
        super().__init__("The current signaling state is not expecting a remote answer.")


class SessionNotFound(CallsError):
    """This app never had such a session."""

    status, code = 404, "session_error"

    def __init__(self) -> None:
        super().__init__("Session not found.")


class SessionGone(CallsError):
    """The session existed, and has ended for good."""

    status, code = 410, "session_error"

    def __init__(self) -> None:
        super().__init__(
            "Session appears to be disconnected. Please check if the PeerConnection is connected."
        )


class SessionNotConnected(CallsError):
    """The operation needs a transport, and it did not come up in time."""

    status, code, retry_after = 425, "session_error", 1

    def __init__(self) -> None:
        super().__init__("Session is not connected yet. Please retry later.")


class CallsMethodNotAllowed(CallsError):
    status, code = 405, "invalid_params"

    def __init__(self) -> None:
        super().__init__("Method not allowed.")


class CallsRateLimited(CallsError):
    """More requests, or more sessions, than one client is granted."""

    status, code, retry_after = 429, "temporarily_unavailable_error", 1


class CallsUnavailable(CallsError):
    """This node has no room, or lacks what was asked for."""

    status, code, retry_after = 503, "temporarily_unavailable_error", 1


class AdaptersUnavailable(CallsError):
    """There are none here, whenever one asks."""

    status, code = 503, "temporarily_unavailable_error"

    def __init__(self) -> None:
        super().__init__("WebSocket adapters are not available.")


class CallsInternalError(CallsError):
    """A bug of ours."""

    status, code = 500, "internal_error"

    def __init__(self) -> None:
        super().__init__("Backend error")
