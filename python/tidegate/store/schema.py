"""The tables.

Times are microseconds since the Unix epoch: exact in every database, and what cursors compare.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

Uid = String(32)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Uid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
)

api_token_permissions = Table(
    "api_token_permissions",
    metadata,
    Column("token_id", Uid, ForeignKey("api_tokens.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", Uid, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("permission", String(16), primary_key=True),
)

apps = Table(
    "apps",
    metadata,
    Column("uid", Uid, primary_key=True),
    Column("account_id", Uid, ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("deleted", BigInteger),
    Column("revision", BigInteger, nullable=False, index=True),
    Index("apps_by_account", "account_id", "created"),
)

turn_keys = Table(
    "turn_keys",
    metadata,
    Column("uid", Uid, primary_key=True),
    Column("account_id", Uid, ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("deleted", BigInteger),
    Column("revision", BigInteger, nullable=False, index=True),
    Index("turn_keys_by_account", "account_id", "created"),
)

relays = Table(
    "relays",
    metadata,
    Column("uid", Uid, primary_key=True),
    Column("account_id", Uid, ForeignKey("accounts.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("modified", BigInteger, nullable=False),
    Column("deleted", BigInteger),
    Column("linger_enabled", Boolean, nullable=False),
    Column("linger_max_ms", BigInteger, nullable=False),
    Column("fallback_enabled", Boolean, nullable=False),
    Column("upstream_urls", JSON, nullable=False),
    # The store's revision at the last change of the relay or its tokens: what a directory has not
    # seen yet.
    Column("revision", BigInteger, nullable=False, index=True),
    # Cursors are strict: two relays of one account must not share a time.
    UniqueConstraint("account_id", "created", name="relays_created_once"),
)

relay_tokens = Table(
    "relay_tokens",
    metadata,
    Column("jti", Uid, primary_key=True),
    Column("relay", Uid, ForeignKey("relays.uid"), nullable=False),
    Column("operations", JSON, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("label", Text),
    # Of the automatic tokens, which one this is; a relay has at most one of each.
    Column("slot", String(17)),
    UniqueConstraint("relay", "slot", name="relay_tokens_slot_once"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(32), primary_key=True),
    Column("public", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("retired", BigInteger),
)

revision = Table(
    "revision",
    metadata,
    Column("id", BigInteger, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    Column("value", BigInteger, nullable=False),
)
"""One row that counts what directories must learn of; its lock, taken last, orders commits."""
