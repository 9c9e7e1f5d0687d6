"""The schema of the analysis database: its migrations, run where it is behind."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from edumetrics import database
from edumetrics.errors import SettingsError


def migrate(engine: Engine, setting: str) -> None:
    """Bring the schema up to date; do nothing if it already is.

    Args:
        engine: the analysis database.
        setting: the setting that names it, for messages.

    Raises:
        SettingsError: the database cannot be reached or written, or a newer EduMetrics made it.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    script = ScriptDirectory.from_config(config)
    try:
        with database.open_transaction(engine, setting) as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
            if revision == script.get_current_head():
                return
            # Alembic would fail with an unclear error on a revision that it does not have.
            if revision is not None and revision not in {
                entry.revision for entry in script.walk_revisions()
            }:
                raise SettingsError(
                    "The analysis database was written by a newer EduMetrics: "
                    "upgrade this installation."
                )
            # The migrations run in this transaction: a failure leaves the old schema.
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sa.exc.DBAPIError as error:
        raise SettingsError(
            f"{database.build_own_error(error, 'its tables')} Check {setting}."
        ) from error
