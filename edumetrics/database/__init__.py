"""Databases of any dialect; no other package distinguishes between dialects."""

from edumetrics.database.cancelling import cancel_statements
from edumetrics.database.canonical import (
    NOTHING,
    can_be_unreadable,
    canonical,
    is_clock,
    raw_text,
    stood,
)
from edumetrics.database.carried import keep_apart, serialise_rows, write_rows_query
from edumetrics.database.clocks import find_fixed_offset, hold_offset
from edumetrics.database.connections import (
    has_file,
    open_connection,
    open_snapshot,
    open_transaction,
    release_space,
    try_lock,
)
from edumetrics.database.dialects import Sql
from edumetrics.database.engines import (
    OFFSET,
    create_analysis_engine,
    create_college_engine,
    create_scratch_engine,
    create_writable_engine,
)
from edumetrics.database.frames import (
    describe_columns,
    insert_frame,
    make_empty_frame,
    read_frame,
    run_query,
)
from edumetrics.database.functions import (
    PLACEHOLDER,
    WINDOW,
    expand_functions,
    expand_settings,
)
from edumetrics.database.grants import format_grants
from edumetrics.database.groupings import Grouping, select_groupings, separate_groupings
from edumetrics.database.privileges import has_write_access, list_extra_access
from edumetrics.database.queries import parse_query
from edumetrics.database.refusals import build_own_error, build_query_error, extract_reason
from edumetrics.database.sheets import expand_sheets
from edumetrics.database.types import (
    KEY_TEXT,
    TYPES,
    absent,
    build_materialized_cte,
    order_highest_first,
)
from edumetrics.database.urls import is_on_this_machine, is_same_database
from edumetrics.database.views import compose_source, is_select, is_table_name

__all__ = [
    "KEY_TEXT",
    "NOTHING",
    "OFFSET",
    "PLACEHOLDER",
    "TYPES",
    "WINDOW",
    "Grouping",
    "Sql",
    "absent",
    "build_materialized_cte",
    "build_own_error",
    "build_query_error",
    "can_be_unreadable",
    "cancel_statements",
    "canonical",
    "compose_source",
    "create_analysis_engine",
    "create_college_engine",
    "create_scratch_engine",
    "create_writable_engine",
    "describe_columns",
    "expand_functions",
    "expand_settings",
    "expand_sheets",
    "extract_reason",
    "find_fixed_offset",
    "format_grants",
    "has_file",
    "has_write_access",
    "hold_offset",
    "insert_frame",
    "is_clock",
    "is_on_this_machine",
    "is_same_database",
    "is_select",
    "is_table_name",
    "keep_apart",
    "list_extra_access",
    "make_empty_frame",
    "open_connection",
    "open_snapshot",
    "open_transaction",
    "order_highest_first",
    "parse_query",
    "raw_text",
    "read_frame",
    "release_space",
    "run_query",
    "select_groupings",
    "separate_groupings",
    "serialise_rows",
    "stood",
    "try_lock",
    "write_rows_query",
]
