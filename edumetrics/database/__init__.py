"""Databases of any dialect; no other package distinguishes between dialects."""

from edumetrics.database.canonical import NOTHING, can_be_unreadable, canonical, raw_text, stood
from edumetrics.database.dialects import Sql
from edumetrics.database.engines import (
    create_college_engine,
    create_writable_engine,
    has_file,
    has_write_access,
    is_same_database,
    list_extra_access,
    open_connection,
    open_snapshot,
    open_transaction,
    release_space,
    try_lock,
)
from edumetrics.database.frames import describe_columns, insert_frame, make_empty_frame, read_frame
from edumetrics.database.functions import expand_functions
from edumetrics.database.grants import format_grants
from edumetrics.database.refusals import build_query_error, extract_reason
from edumetrics.database.types import (
    KEY_TEXT,
    TYPES,
    build_materialized_cte,
    clip_percent,
    compute_percent,
    order_highest_first,
)

__all__ = [
    "KEY_TEXT",
    "NOTHING",
    "TYPES",
    "Sql",
    "build_materialized_cte",
    "build_query_error",
    "can_be_unreadable",
    "canonical",
    "clip_percent",
    "compute_percent",
    "create_college_engine",
    "create_writable_engine",
    "describe_columns",
    "expand_functions",
    "extract_reason",
    "format_grants",
    "has_file",
    "has_write_access",
    "insert_frame",
    "is_same_database",
    "list_extra_access",
    "make_empty_frame",
    "open_connection",
    "open_snapshot",
    "open_transaction",
    "order_highest_first",
    "raw_text",
    "read_frame",
    "release_space",
    "stood",
    "try_lock",
]
