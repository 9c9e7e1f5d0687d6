"""The workspace of a process: its settings, its parameters and both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa

from edumetrics import database, params, settings
from edumetrics.analysis.restored import find_restored
from edumetrics.analysis.store import Store
from edumetrics.analysis.week_state import WeekState, read_week_state
from edumetrics.analysis.written import FileRecord
from edumetrics.college.terms import College
from edumetrics.errors import SettingsError
from edumetrics.params import Params, SourceDatabase
from edumetrics.settings import Settings


@dataclass(frozen=True)
class Workspace:
    """The settings, parameters and analysis database that every stage works with."""

    settings: Settings
    params: Params
    store: Store

    def __reduce__(self) -> tuple[object, ...]:
        """Open the workspace anew in the process that it is sent to."""
        # A database connection cannot be pickled: only what opens it is sent. Other processes send
        # no mail, and need none of its secrets.
        chosen = replace(
            self.settings, smtp_url="", secret_key="", secret_key_fallbacks=(),
            anthropic_api_key="", openai_api_key="",
        )  # fmt: skip
        return _open_copy, (chosen, self.params)

    @contextmanager
    def open_college(self, *, alone: bool = True) -> Iterator[College]:
        """Yield the college's databases, read-only, each in one snapshot.

        Args:
            alone: False where other processes of this run read it at the same time; a query then
                does not take the server's cores for itself.

        Raises:
            SettingsError: a database cannot be reached, or the mapping does not fit.
        """
        with ExitStack() as stack:
            # All of them before anything is read: where one is down, nothing is half-read.
            connections = {
                name: stack.enter_context(self._open_source(source, alone=alone))
                for name, source in self.params.college.databases.items()
            }
            try:
                college = College(connections, self.params)
                stack.callback(college.sources.close)
                yield college
            # SQLAlchemy's message holds the statement and its values; ours leaves them out.
            except sa.exc.DBAPIError as error:
                raise database.build_query_error(error, "its tables") from error

    @contextmanager
    def _open_source(self, source: SourceDatabase, *, alone: bool) -> Iterator[sa.Connection]:
        waits = self.params.batch.college
        engine = database.create_college_engine(
            self.settings.find_url(source.url_env),
            self.params.calendar.time_zone,
            alone=alone,
            setting=source.url_env,
            statement_seconds=60 * waits.statement_timeout,
            lock_seconds=waits.lock_timeout,
        )
        try:
            with database.open_snapshot(engine, source.url_env) as connection:
                yield connection
        finally:
            engine.dispose()

    def read_week_state(self) -> WeekState:
        """Return what is known of the newest week: judged, held, mailed."""
        at = self.store.read_college_week()
        return read_week_state(
            self.store, None if at is None else at.compute_week(self.params.calendar)
        )

    def exclude(self, students: tuple[str, ...]) -> Workspace:
        """Return the same workspace where these students, and no others, are excluded."""
        scoring = self.params.scoring.model_copy(update={"exclusions": students})
        params = self.params.model_copy(update={"scoring": scoring})
        # Whom a restored backup has brought back stays hidden as well.
        others = self.store.hidden.difference(self.params.scoring.exclusions)
        return replace(self, params=params, store=self.store.hide(others.union(students)))

    @property
    def files(self) -> FileRecord:
        """The record of the files of this home."""
        return FileRecord(self.store, self.settings.home)

    @property
    def today(self) -> date:
        """Return today's date in the college's time zone."""
        return datetime.now(self.params.calendar.zone).date()


def _open_copy(chosen: Settings, params: Params) -> Workspace:
    """Return a workspace with these settings and parameters, and a new connection."""
    # No migration here: the process that sent the workspace has migrated the database.
    return Workspace(chosen, params, Store(chosen.default_db_url, params.scoring.exclusions))


def open_workspace(chosen: Settings | None = None) -> Workspace:
    """Read settings and parameters, and bring the analysis database up to date.

    Args:
        chosen: the settings; those of the process when None.

    Raises:
        SettingsError: a setting or parameter is wrong, or the analysis database cannot be used.
    """
    chosen = chosen or settings.load()
    loaded = params.load(chosen.params, chosen.college)
    # The analysis creates tables and deletes rows: it must never do so in the college's database.
    for source in loaded.college.databases.values():
        if database.is_same_database(chosen.find_url(source.url_env), chosen.default_db_url):
            raise SettingsError(
                f"{source.url_env} and DEFAULT_DB_URL name the same database:"
                " set DEFAULT_DB_URL to another one."
            )
    store = Store(chosen.default_db_url, loaded.scoring.exclusions)
    store.migrate()
    # They are erased again before the next run; until then nobody reads of them.
    restored = find_restored(store, chosen.home)
    return Workspace(chosen, loaded, store.hide(store.hidden.union(restored)))
