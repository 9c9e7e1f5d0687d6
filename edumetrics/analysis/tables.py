"""The tables of the analysis database for SQLAlchemy, built from the records in `fields`."""

from __future__ import annotations

import sqlalchemy as sa

from edumetrics.database import TYPES
from edumetrics.fields import TABLES, Field, TableRecord

METADATA = sa.MetaData()
# Tables whose id is given by the database; in the others the rows bring their keys.
GENERATED = {"intervention_log", "delivery_log", "access_log"}
# Columns of which no value may stand in two rows; null may.
UNIQUE = {"intervention_log": "entry_key"}
# The columns by which queries select one class, one advisor or one stage.
INDEXES = {
    "weekly_metrics": (("term", "sem_week", "class_id"), ("term", "sem_week", "advisor_id")),
    "weekly_flags": (("term", "sem_week", "class_id"), ("term", "sem_week", "advisor_id")),
    "pre_mid_term": (("term", "sem_week", "class_id"),),
    "pre_end_term": (("term", "sem_week", "class_id"),),
    "risk_of_failing_prediction": (("term", "sem_week", "class_id"),),
    "pre_sem_watchlist": (("target_term", "class_id"),),
    "delivery_log": (("term", "sem_week", "stage"),),
    "intervention_log": (("student_id", "term"),),
    "written_files": (("about",),),
    "written_about": (("student_id",),),
    "sign_ins": (("username",),),
    "access_log": (("student_id",),),
    "run_log": (("stage", "term", "sem_week"), ("seq",)),
}


def _build_column(table: TableRecord, field: Field) -> sa.Column[object]:
    """Return the column of a field; it is nullable if the field's record says what null means."""
    generated = table.name in GENERATED and field.name == "id"
    return sa.Column(
        field.name,
        TYPES[field.kind](),
        primary_key=field.name in table.key,
        nullable=bool(field.null),
        autoincrement=generated,
    )


def _build_table(table: TableRecord) -> sa.Table:
    """Return a table with its indexes, and add it to `METADATA`."""
    built = sa.Table(table.name, METADATA, *(_build_column(table, field) for field in table.fields))
    for columns in INDEXES.get(table.name, ()):
        sa.Index(f"ix_{table.name}_{'_'.join(columns)}", *(built.c[name] for name in columns))
    if table.name in UNIQUE:
        column = UNIQUE[table.name]
        sa.Index(f"ix_{table.name}_{column}", built.c[column], unique=True)
    return built


SQL_TABLES: dict[str, sa.Table] = {name: _build_table(table) for name, table in TABLES.items()}
