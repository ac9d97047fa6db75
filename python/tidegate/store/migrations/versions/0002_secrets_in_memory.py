"""Apps and TURN keys tell directories of their changes, and are marked when they are deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in ("apps", "turn_keys"):
        op.add_column(table, sa.Column("deleted", sa.BigInteger))
        # Rows of before are older than every revision, and in every directory's first look.
        op.add_column(
            table, sa.Column("revision", sa.BigInteger, nullable=False, server_default="0")
        )
        op.create_index(f"ix_{table}_revision", table, ["revision"])
