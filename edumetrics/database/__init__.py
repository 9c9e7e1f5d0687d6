"""Databases of any dialect; no other package distinguishes between dialects."""

from edumetrics.database.dialects import Sql
from edumetrics.database.engines import (
    college_engine,
    connected,
    could_write,
    exclusive,
    query_error,
    reason,
    same_place,
    scrub,
    sees_besides,
    transaction,
    writable_engine,
)
from edumetrics.database.frames import described, read, write
from edumetrics.database.values import TYPES, canonical, highest_first, materialized

__all__ = [
    "TYPES",
    "Sql",
    "canonical",
    "college_engine",
    "connected",
    "could_write",
    "described",
    "exclusive",
    "highest_first",
    "materialized",
    "query_error",
    "read",
    "reason",
    "same_place",
    "scrub",
    "sees_besides",
    "transaction",
    "writable_engine",
    "write",
]
