"""The records that each foreign college is written from: one simulated college, as frames of the canonical relations."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import sqlalchemy as sa

from edumetrics import database
from edumetrics.fields import RELATIONS

Frames = dict[str, pd.DataFrame]
DATES = {
    field.name for table in RELATIONS.values() for field in table.fields if field.kind == "date"
}


def records(url: str) -> Frames:
    """Every table of a college in the native schema."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        names = [name for name in sa.inspect(connection).get_table_names() if name in RELATIONS]
        frames = {name: pd.read_sql_table(name, connection) for name in names}
    engine.dispose()
    for frame in frames.values():
        for name in DATES & set(frame.columns):
            frame[name] = pd.to_datetime(frame[name], format="ISO8601")
    return frames


def put(url: str, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write frames as tables of the same names, typed by their dtypes: days are dates, moments are moments."""
    engine = database.create_writable_engine(url)
    with engine.begin() as connection:
        for name, frame in frames.items():
            table = sa.Table(
                name, sa.MetaData(), *(sa.Column(c, _type(frame[c])) for c in frame.columns)
            )
            table.create(connection)
            database.insert_frame(connection, table, frame)
    engine.dispose()


def _type(column: pd.Series) -> sa.types.TypeEngine[object]:
    if pd.api.types.is_datetime64_any_dtype(column):
        return (
            sa.Date()
            if (column.dropna().dt.normalize() == column.dropna()).all()
            else sa.DateTime()
        )
    if pd.api.types.is_integer_dtype(column):
        return sa.BigInteger()
    return sa.Double() if pd.api.types.is_float_dtype(column) else sa.Text()


def read_as_text(url: str) -> Frames:
    """Every table of a college in SQLite, with each damaged column as text, as it stands."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        names = [name for name in sa.inspect(connection).get_table_names() if name in RELATIONS]
        frames = {name: pd.read_sql(f"SELECT * FROM {name}", connection) for name in names}
    engine.dispose()
    for frame in frames.values():
        for name in frame.columns:
            kinds = set(frame[name].dropna().map(type))
            if len(kinds) > 1 and str in kinds:
                frame[name] = frame[name].map(lambda one: None if pd.isna(one) else f"{one}")
    return frames
