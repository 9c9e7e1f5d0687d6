"""Files as tables: read as they stand, or refused in a sentence; replaced as a whole, or not at all."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import sqlalchemy as sa

from edumetrics.database import create_college_engine, expand_sheets, open_connection
from edumetrics.errors import SettingsError
from edumetrics.onboarding.import_tables import IMPORTED, import_tables
from edumetrics.onboarding.table_files import Reading

ROWS = ["id,name,mark", *(f"{n},Zoë {n},{n / 2}" for n in range(1, 21))]
GOOD = "\n".join(ROWS) + "\n"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'files.db'}"


def load(
    folder: Path, url: str, content: bytes | str, name: str = "roster.csv", **said: object
) -> list[str]:
    """Import one file."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    replace = bool(said.pop("replace", False))
    return list(import_tables(path, url, Reading(**said), replace=replace))  # type: ignore[arg-type]


def stored(url: str, table: str = "roster") -> pd.DataFrame:
    engine = sa.create_engine(url)
    frame = pd.read_sql_table(table, engine)
    engine.dispose()
    return frame


def make_workbook(rows: list[str]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row.split(","))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def make_parquet() -> bytes:
    file = io.BytesIO()
    pd.read_csv(io.StringIO(GOOD), dtype=str).to_parquet(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (GOOD, "roster.csv"),
        (GOOD.replace(",", ";"), "roster.csv"),
        (GOOD.replace(",", "\t"), "roster.tsv"),
        (GOOD.replace(",", "|"), "roster.txt"),
        (GOOD.replace("\n", "\r\n"), "roster.csv"),
        ("\ufeff" + GOOD, "roster.csv"),
        (GOOD.encode("utf-16"), "roster.csv"),
        ("Export of the term\n\n" + GOOD, "roster.csv"),
        (make_workbook(ROWS), "roster.xlsx"),
        (make_parquet(), "roster.parquet"),
    ],
)
def test_each_format_yields_the_same_table(
    content: bytes | str, name: str, url: str, tmp_path: Path
) -> None:
    assert load(tmp_path, url, content, name) == ["        20  roster"]
    frame = stored(url)
    assert list(frame.columns) == ["id", "name", "mark"]
    assert frame.iloc[2].tolist() == ["3", "Zoë 3", "1.5"]


def test_columns_in_another_order_and_rows_too_are_the_same_table(url: str, tmp_path: Path) -> None:
    load(tmp_path, url, GOOD)
    turned = (
        "\n".join([",".join(reversed(line.split(","))) for line in (ROWS[0], *ROWS[:0:-1])]) + "\n"
    )
    load(tmp_path, url, turned)
    frame = stored(url).sort_values("id", key=lambda ids: ids.astype(int), ignore_index=True)
    assert frame[["id", "name", "mark"]].iloc[2].tolist() == ["3", "Zoë 3", "1.5"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (GOOD[:-4], "last line of roster has no end"),
        (GOOD[:-9], "cells and the header 3: the file is cut off"),
        (GOOD + '21,"Zo', "breaks off within quotation marks"),
        (GOOD + GOOD, "header twice"),
        (GOOD + "\n".join(ROWS[1:]) + "\n", "all its rows twice"),
        (
            "\n".join([ROWS[0], *(line for line in ROWS[1:] for _ in range(2))]),
            "all its rows twice",
        ),
        (GOOD.encode("cp1252"), "not in UTF-8: say its encoding"),
        (GOOD.encode().decode("cp1252").encode(), "encoded twice"),
        (GOOD.encode("utf-16-le"), "bytes that no text has|not in UTF-8"),
        (GOOD.replace("name", "id", 1), "two columns named id"),
        (GOOD.replace("id,name", "id,full name", 1), "no column name any more"),
        ("\n".join(ROWS[1:]) + "\n", "no column id any more"),
        ("\n".join(ROWS[:9]) + "\n", "has 8 rows and had 20"),
        ("id,name,mark\n", "has 0 rows and had 20"),
        (GOOD + "21,Ann,3,4\n", "line 22, has 4 cells and the header 3"),
        ("", "no clear separator|no line with the names"),
        (b"PK\x03\x04 broken", "cannot be read|not in UTF-8|no clear separator|bytes"),
    ],
)
def test_what_is_damaged_is_refused_and_the_table_stays(
    content: bytes | str, says: str, url: str, tmp_path: Path
) -> None:
    load(tmp_path, url, GOOD)
    with pytest.raises(SettingsError, match=says) as refused:
        load(tmp_path, url, content)
    assert "Zoë" not in str(refused.value), "no value in a message"
    assert len(stored(url)) == 20


def test_what_is_told_is_believed(url: str, tmp_path: Path) -> None:
    load(tmp_path, url, GOOD)
    load(tmp_path, url, GOOD.encode("cp1252"), encoding="cp1252")
    assert stored(url)["name"][0] == "Zoë 1"
    load(tmp_path, url, "\n".join(ROWS[:4]), replace=True)
    assert len(stored(url)) == 3
    load(tmp_path, url, GOOD.rstrip("\n"))
    assert len(stored(url)) == 20, "this program always ends its files so"
    load(tmp_path, url, "x,y,z\n" + GOOD.replace("\n", ",\n"), header=2, replace=True)
    assert list(stored(url).columns) == ["id", "name", "mark"]


def test_a_folder_is_taken_whole_or_not_at_all(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "week"
    folder.mkdir()
    (folder / "a.csv").write_text(GOOD)
    (folder / "b.csv").write_text(GOOD)
    assert [line.split()[-1] for line in import_tables(folder, url)] == ["a", "b"]
    (folder / "a.csv").write_text(GOOD.replace("Zoë", "Eva"))
    (folder / "b.csv").write_text(GOOD[:-4])
    with pytest.raises(SettingsError, match="last line of b has no end"):
        list(import_tables(folder, url))
    assert stored(url, "a")["name"][0] == "Zoë 1"


def test_a_zip_such_as_that_of_oneroster_is_a_table_a_file(url: str, tmp_path: Path) -> None:
    path = tmp_path / "oneroster.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("users.csv", "orgs.csv", "manifest.csv", "readme.md"):
            archive.writestr(f"export/{name}", GOOD)
    assert [line.split()[-1] for line in import_tables(path, url)] == ["manifest", "orgs", "users"]


def test_only_a_database_of_files_is_written(tmp_path: Path, url: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE students (student_id text)")
    with pytest.raises(SettingsError, match="not imported: choose an empty one"):
        load(tmp_path, url, GOOD)
    engine.dispose()


def test_it_is_known_when_files_were_imported(tmp_path: Path, url: str) -> None:
    load(tmp_path, url, GOOD)
    known = stored(url, IMPORTED.name)
    assert known["table_name"].tolist() == ["roster"]
    assert (pd.Timestamp.now("UTC") - pd.Timestamp(known["imported_at"][0])) < pd.Timedelta(
        minutes=5
    )


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_a_wide_sheet_is_turned_and_alike_ones_are_read_together(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = (
        f"sqlite:///{tmp_path / 'wide.db'}"
        if kind == "sqlite"
        else request.getfixturevalue("postgres_url" if kind == "postgresql" else "mysql_url")()
    )
    engine = sa.create_engine(
        sa.make_url(url).set(drivername="postgresql+psycopg2") if kind == "postgresql" else url
    )
    quote = engine.dialect.identifier_preparer.quote
    days = [f"2026-09-{day:02d} (x, y)" for day in range(1, 6)]
    with engine.begin() as connection:
        for name, columns in (("register_A", days[:3]), ("register_B", days[2:]), ("other", days)):
            listed = ", ".join(f"{quote(c)} VARCHAR(40)" for c in ("Student, ID", *columns))
            connection.exec_driver_sql(f"CREATE TABLE {quote(name)} ({listed})")
            marks = ", ".join(["'7'", "'P'", "NULL", *["'A'"] * (len(columns) - 2)])
            connection.exec_driver_sql(
                f"INSERT INTO {quote(name)} VALUES ({marks})".replace("%", "%%")
            )
    engine.dispose()
    with open_connection(create_college_engine(url), "X") as connection:
        name = connection.dialect.identifier_preparer.quote("Student, ID")
        turned = expand_sheets(
            f'SELECT table_name, {name} AS who, heading, cell FROM {{cells(register_*, "Student, ID")}} AS r',
            connection,
        )
        rows = sorted(map(tuple, connection.exec_driver_sql(turned.replace("%", "%%")).all()))
        assert rows == [
            ("register_A", "7", days[0], "P"), ("register_A", "7", days[2], "A"),
            ("register_B", "7", days[2], "P"), ("register_B", "7", days[4], "A"),
        ]  # fmt: skip
        alike = expand_sheets(f"SELECT COUNT({name}) FROM register_* AS r", connection)
        assert connection.exec_driver_sql(alike.replace("%", "%%")).scalar() == 2
        whole = expand_sheets("register_*", connection)
        assert len(connection.exec_driver_sql(whole.replace("%", "%%")).all()) == 2
        for broken, says in (
            ("{cells(nothing_*, a)}", "no table nothing_"),
            ("{cells(other, b)}", "no column b"),
        ):
            with pytest.raises(SettingsError, match=says):
                expand_sheets(f"SELECT * FROM {broken}", connection)
