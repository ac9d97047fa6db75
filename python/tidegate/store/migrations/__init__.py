"""Brings a database to the schema of this version; one file under ``versions`` a step."""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.engine import Connection

from tidegate.errors import DatabaseError

# At INFO it tells at every start that there was nothing to do.
logging.getLogger("alembic").setLevel(logging.WARNING)


def upgrade(connection: Connection) -> None:
    """Runs, inside the connection's transaction, every step that the database lacks.

    Raises:
        DatabaseError: the database is that of a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    at = MigrationContext.configure(connection).get_current_heads()
    head = ScriptDirectory.from_config(config).get_current_head()
    if at == (head,):
        return
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise DatabaseError("it was written by a newer version of tidegate") from None
