"""Tables of real systems in short: the columns that ready mappings read, with the types that the systems give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics import database

TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "id": sa.BigInteger(),
    "int": sa.BigInteger(),
    "small": sa.SmallInteger(),
    "grade": sa.Numeric(10, 5),
    "name": sa.String(255),
    "text": sa.Text(),
    "moment": sa.DateTime(),
}
# A table: "type column, type column, ..."
Schema = Mapping[str, str]


def create(url: str, schema: Schema, rows: Mapping[str, pd.DataFrame], prefix: str = "") -> None:
    """Create the tables of a system, and fill them; a column that is not given holds its default."""
    engine = database.create_writable_engine(url)
    with engine.begin() as connection:
        for name, columns in schema.items():
            kinds = {entry.split()[1]: entry.split()[0] for entry in columns.split(", ")}
            table = sa.Table(
                prefix + name,
                sa.MetaData(),
                *(
                    sa.Column(column, TYPES[kind], primary_key=column == "id", autoincrement=False)
                    for column, kind in kinds.items()
                ),
            )
            table.create(connection)
            frame = rows.get(name)
            if frame is None or frame.empty:
                continue
            if "id" in table.c and "id" not in frame:
                frame = frame.assign(id=range(1, len(frame) + 1))
            empty = {
                column: 0 if kind in ("int", "small") else ""
                for column, kind in kinds.items()
                if column not in frame and kind in ("int", "small", "name")
            }
            database.insert_frame(connection, table, frame.assign(**empty))
    engine.dispose()


def to_seconds(days: pd.Series, zone: str, hours: float = 12) -> pd.Series:
    """Seconds since 1970 of an hour of days in a zone; 0 where there is no day."""
    moments = (pd.to_datetime(days) + pd.Timedelta(hours=hours)).dt.tz_localize(zone)
    seconds = moments.dt.tz_convert("UTC").dt.tz_localize(None) - pd.Timestamp("1970-01-01")
    return seconds.dt.total_seconds().fillna(0).astype("int64")
