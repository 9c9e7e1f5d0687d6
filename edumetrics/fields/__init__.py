"""One record per column: type, unit, bounds, meaning, and what null means.

`RELATIONS` are the canonical relations of the college database (read), `TABLES` those of the
analysis database (written). SQL columns, dtypes, bounds and checks all come from here.
"""

from edumetrics.fields.features import FEATURES, Feature
from edumetrics.fields.record import Count, Field, Kind, RelationRecord, TableRecord
from edumetrics.fields.relations import COUNTED_FEEDS, FEEDS, PERSONAL, PERSONAL_NAMES, RELATIONS
from edumetrics.fields.tables import (
    EVERYWHERE,
    EXAMPLES,
    FINDING_COLUMNS,
    SECRET_TABLES,
    TABLES,
    UP_TO,
    WEEKLY_METRICS,
)

__all__ = [
    "COUNTED_FEEDS",
    "EVERYWHERE",
    "EXAMPLES",
    "FEATURES",
    "FEEDS",
    "FINDING_COLUMNS",
    "PERSONAL",
    "PERSONAL_NAMES",
    "RELATIONS",
    "SECRET_TABLES",
    "TABLES",
    "UP_TO",
    "WEEKLY_METRICS",
    "Count",
    "Feature",
    "Field",
    "Kind",
    "RelationRecord",
    "TableRecord",
]
