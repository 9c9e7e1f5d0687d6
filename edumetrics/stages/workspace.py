"""The place where reading, computing and writing meet: settings, parameters and both databases of one process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from edumetrics import database, params, settings
from edumetrics.analysis.store import Store
from edumetrics.college.source import College
from edumetrics.errors import SettingsError
from edumetrics.params import Params
from edumetrics.settings import Settings


@dataclass(frozen=True)
class Workspace:
    """Everything a stage needs to know about where it is."""

    settings: Settings
    params: Params
    store: Store

    def __reduce__(self) -> tuple[object, ...]:
        """Sent to another process, a workspace is opened there anew."""
        return _reopened, (self.settings, self.params)

    @contextmanager
    def college(self, *, alone: bool = True) -> Iterator[College]:
        """The college's database, read in one snapshot; not `alone` where other processes read it at the same time.

        Raises:
            SettingsError: it cannot be reached, or its mapping does not fit.
        """
        engine = database.college_engine(
            self.settings.client_db_url, self.params.calendar.time_zone, alone=alone
        )
        try:
            with database.connected(engine, "CLIENT_DB_URL") as connection:
                if connection.dialect.name == "postgresql":
                    connection = connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901
                yield College(connection, self.params)
        except sa.exc.DBAPIError as error:
            raise database.query_error(error, "its tables") from error
        finally:
            engine.dispose()

    @property
    def today(self) -> date:
        """Today in the college's time zone."""
        return datetime.now(self.params.calendar.zone).date()


def _reopened(chosen: Settings, params: Params) -> Workspace:
    return Workspace(chosen, params, Store(chosen.default_db_url))


def open_workspace(chosen: Settings | None = None) -> Workspace:
    """Read settings and parameters and bring the analysis database up to date.

    Raises:
        SettingsError: a setting or parameter is wrong, or the analysis database cannot be used.
    """
    chosen = chosen or settings.load()
    loaded = params.load(chosen.params, chosen.college)
    if database.same_place(chosen.client_db_url, chosen.default_db_url):
        raise SettingsError(
            "CLIENT_DB_URL and DEFAULT_DB_URL name one database: the analysis needs one of its own."
        )
    store = Store(chosen.default_db_url)
    store.migrate()
    return Workspace(chosen, loaded, store)
