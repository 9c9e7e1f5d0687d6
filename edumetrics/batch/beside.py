"""Compute an analysis beside the one in use, and swap the two in one transaction at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from edumetrics import settings
from edumetrics.analysis import rollback
from edumetrics.analysis.store import Store
from edumetrics.fields import SECRET_TABLES, TABLES
from edumetrics.modelling import registry
from edumetrics.workspace import Workspace


@contextmanager
def open_copy(workspace: Workspace) -> Iterator[Workspace]:
    """Yield a workspace whose analysis has what people entered, and the ledger; nothing derived.

    It is a SQLite file in the home, whatever the analysis in use is kept in, and is removed at the
    end of the block. What a killed process left is replaced.
    """
    whole = workspace.store.show_all()
    path = workspace.settings.beside
    settings.create_private_folder(path.parent)
    settings.remove_database(path)
    chosen = replace(workspace.settings, default_db_url=f"sqlite:///{path}")
    copy = replace(workspace, settings=chosen, store=Store(chosen.default_db_url))
    try:
        copy.store.migrate()
        with copy.store.start_transaction() as connection:
            for table in TABLES:
                if table not in (*rollback.DERIVED, *SECRET_TABLES, "analysis_state"):
                    copy.store.add_rows(connection, table, whole.read(table))
        yield copy
    finally:
        copy.store.engine.dispose()
        settings.remove_database(path)


def swap_derived(copy: Workspace, workspace: Workspace) -> None:
    """Replace everything derived by what a copy has, with the runs that made it, all or nothing."""
    store, state = workspace.store, copy.store.read_college_week()
    newest = store.find_highest("run_log", "seq") or 0
    made = copy.store.read("run_log")
    made = made[made["seq"] > newest]
    findings = copy.store.read("data_health", run_id=list(made["run_id"]))
    with store.start_transaction() as connection:
        rollback.delete_derived(connection)
        for table in rollback.DERIVED:
            store.add_rows(connection, table, copy.store.read(table))
        store.add_rows(connection, "run_log", made)
        store.add_rows(connection, "data_health", findings)
        store.set_college_week(connection, state)
    registry.remove_unused(workspace)
