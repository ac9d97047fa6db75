"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    uid = sa.String(32)
    op.create_table(
        "accounts",
        sa.Column("id", uid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", uid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger),
    )
    op.create_table(
        "api_token_permissions",
        sa.Column(
            "token_id", uid, sa.ForeignKey("api_tokens.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column(
            "account_id", uid, sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("permission", sa.String(16), primary_key=True),
    )
    for table in ("apps", "turn_keys"):
        op.create_table(
            table,
            sa.Column("uid", uid, primary_key=True),
            sa.Column("account_id", uid, sa.ForeignKey("accounts.id"), nullable=False),
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
            sa.Column("created", sa.BigInteger, nullable=False),
            sa.Column("modified", sa.BigInteger, nullable=False),
        )
        op.create_index(f"{table}_by_account", table, ["account_id", "created"])
    op.create_table(
        "relays",
        sa.Column("uid", uid, primary_key=True),
        sa.Column("account_id", uid, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("modified", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.BigInteger),
        sa.Column("linger_enabled", sa.Boolean, nullable=False),
        sa.Column("linger_max_ms", sa.BigInteger, nullable=False),
        sa.Column("fallback_enabled", sa.Boolean, nullable=False),
        sa.Column("upstream_urls", sa.JSON, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("account_id", "created", name="relays_created_once"),
    )
    op.create_index("ix_relays_revision", "relays", ["revision"])
    op.create_table(
        "relay_tokens",
        sa.Column("jti", uid, primary_key=True),
        sa.Column("relay", uid, sa.ForeignKey("relays.uid"), nullable=False),
        sa.Column("operations", sa.JSON, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("slot", sa.String(17)),
        sa.UniqueConstraint("relay", "slot", name="relay_tokens_slot_once"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("kid", uid, primary_key=True),
        sa.Column("public", sa.LargeBinary(32), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("retired", sa.BigInteger),
    )
    counter = op.create_table(
        "revision",
        sa.Column(
            "id", sa.BigInteger, sa.CheckConstraint("id = 1"), primary_key=True, autoincrement=False
        ),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counter, [{"id": 1, "value": 0}])
