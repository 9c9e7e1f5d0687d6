"""Files as tables: CSV, TSV, Excel and Parquet files, each read as text exactly as it stands.

What could be read in two ways is refused, because a table that is read wrongly would be believed.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import openpyxl
import pandas as pd
from pyarrow import ArrowInvalid, parquet

from edumetrics.errors import SettingsError

# Of a folder or zip; a single file may have another ending.
ENDINGS = (".csv", ".tsv", ".xlsx", ".parquet")
SEPARATORS = (",", ";", "\t", "|")
# A zip may hold files that are much larger than itself; more than this is no export of tables.
MOST_BYTES = 2_000_000_000
# How many lines may stand above the header, such as a title.
ABOVE = 20
# Signs that no text has, but a file of another kind or encoding.
NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f]")
# Says of a frame that the last line of its file has no end: it may have been cut off.
OPEN_END = "open end"
# Text in UTF-8 that was taken for the Windows encoding and written in UTF-8 once more.
TWICE_ENCODED = ("Ã", "Â", "â€")


@dataclass(frozen=True)
class Reading:
    """What the caller says about the files; None for what is to be found out.

    Attributes:
        encoding: of text files.
        separator: between the cells of a line.
        header: the number of the line with the names of the columns, from 1.
    """

    encoding: str | None = None
    separator: str | None = None
    header: int | None = None


def read_tables(path: Path, reading: Reading) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the name and the rows of each table of a file, a folder or a zip.

    Args:
        path: a file, a folder, or a zip of files.
        reading: what is known about them.

    Yields:
        The name of the file without its ending (and of the sheet, where a workbook has several),
        and its rows: texts, of which an empty one is null.

    Raises:
        SettingsError: there is no such file, or one cannot be read with certainty.
    """
    for name, content in _list_files(path):
        ending = PurePosixPath(name).suffix.lower()
        stem = PurePosixPath(name).stem
        if ending == ".parquet":
            yield stem, _read_parquet(name, content)
        elif ending == ".xlsx":
            yield from _read_workbook(name, content, reading)
        else:
            yield stem, _read_text(name, content, reading)


def _list_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each file of tables, by name.

    Raises:
        SettingsError: there is none, or it cannot be read.
    """
    try:
        if zipfile.is_zipfile(path) and path.suffix.lower() != ".xlsx":
            found = list(_list_zip(path))
        else:
            files = [path]
            if path.is_dir():
                files = sorted(file for file in path.iterdir() if _is_table(file.name))
            found = [(file.name, file.read_bytes()) for file in files]
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:
        raise SettingsError(f"{path} cannot be read: it is not there, or damaged.") from error
    if not found:
        raise SettingsError(f"{path} holds no file that ends in {', '.join(ENDINGS)}.")
    yield from found


def _list_zip(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        entries = [entry for entry in archive.infolist() if _is_table(entry.filename)]
        if sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise SettingsError(
                f"{path} holds more than two gigabytes: unpack it and import parts."
            )
        for entry in sorted(entries, key=lambda one: one.filename):
            yield PurePosixPath(entry.filename).name, archive.read(entry)


def _is_table(name: str) -> bool:
    file = PurePosixPath(name)
    return file.suffix.lower() in ENDINGS and not file.name.startswith((".", "~", "__MACOSX"))


def _read_parquet(name: str, content: bytes) -> pd.DataFrame:
    try:
        table = parquet.read_table(io.BytesIO(content))
    except ArrowInvalid as error:
        raise SettingsError(f"{name} is not a whole Parquet file: export it again.") from error
    rows = [[_format_cell(value) for value in row.values()] for row in table.to_pylist()]
    return _build_frame(name, [str(column) for column in table.column_names], rows, 0)


def _read_workbook(
    name: str, content: bytes, reading: Reading
) -> Iterator[tuple[str, pd.DataFrame]]:
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheets = {
            sheet.title: [[_format_cell(value) for value in row] for row in sheet.values]
            for sheet in book.worksheets
        }
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise SettingsError(f"{name} is not a whole Excel workbook: export it again.") from error
    filled = {title: rows for title, rows in sheets.items() if any(any(row) for row in rows)}
    stem = PurePosixPath(name).stem
    for title, rows in filled.items():
        table = stem if len(filled) == 1 else f"{stem}_{title}"
        yield table, _cut_table(f"{name}, sheet {title}", rows, reading)


def _format_cell(value: object) -> str:
    """Return a cell of a workbook as a text; a day without a time has no time."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, float) and text.endswith(".0"):
        return text[:-2]
    return text.removesuffix(" 00:00:00")


def _read_text(name: str, content: bytes, reading: Reading) -> pd.DataFrame:
    text = _decode(name, content, reading.encoding)
    separator = reading.separator or _find_separator(name, text)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise SettingsError(
            f"{name} breaks off within quotation marks, or has one too many: export it again."
        ) from error
    frame = _cut_table(name, rows, reading)
    frame.attrs[OPEN_END] = not text.endswith(("\n", "\r"))
    return frame


def _decode(name: str, content: bytes, encoding: str | None) -> str:
    """Return the text of a file; its encoding is told, or marked, or UTF-8.

    Raises:
        SettingsError: it is another encoding, which nobody can know.
    """
    if encoding is None and content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    try:
        text = content.decode(encoding or "utf-8-sig")
    except (UnicodeDecodeError, LookupError) as error:
        raise SettingsError(
            f"{name} is not in {encoding or 'UTF-8'}: say its encoding with --encoding "
            "(cp1252 is that of Windows in the west of Europe and America)."
        ) from error
    if NO_TEXT.search(text):
        raise SettingsError(f"{name} holds bytes that no text has: say its encoding (utf-16?).")
    if encoding is None and any(sign in text for sign in TWICE_ENCODED):
        try:
            text.encode("cp1252").decode("utf-8")
        except UnicodeError:
            return text
        raise SettingsError(
            f"{name} was encoded twice, so that its accents are pairs of signs: export it again."
        )
    return text


def _find_separator(name: str, text: str) -> str:
    """Return the sign that stands equally often in most lines.

    Raises:
        SettingsError: no sign does, or two do.
    """
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    fits: dict[str, tuple[float, int]] = {}
    for sign in SEPARATORS:
        widths = Counter(
            len(row) for row in csv.reader(lines, delimiter=sign) if any(map(str.strip, row))
        )
        width, often = widths.most_common(1)[0] if widths else (1, 0)
        if width > 1:
            fits[sign] = often / max(len(lines), 1), width
    if not fits:
        # A file may have a single column.
        if lines and all(not set(SEPARATORS) & set(line) for line in lines):
            return ","
        raise SettingsError(f"{name} has no clear separator: say it with --separator.")
    return max(fits, key=lambda sign: fits[sign])


def _cut_table(name: str, rows: list[list[str]], reading: Reading) -> pd.DataFrame:
    """Return the rows below the header, which is told or found.

    Raises:
        SettingsError: there is no header, or a line that does not fit it.
    """
    numbered = [(line, row) for line, row in enumerate(rows, 1) if any(map(str.strip, row))]
    if reading.header is not None:
        header = next((row for line, row in numbered if line == reading.header), None)
        at = reading.header
    else:
        at, header = _find_header(numbered)
    if header is None:
        raise SettingsError(f"{name} has no line with the names of its columns: say --header.")
    names = _strip_end([cell.strip() for cell in header])
    body = [(line, row) for line, row in numbered if line > at]
    if any([cell.strip() for cell in row][: len(names)] == names for _, row in body):
        raise SettingsError(
            f"{name} has its header twice, as if two files were one: export it again."
        )
    for line, row in body:
        if len(_strip_end(row)) > len(names) or len(row) < len(_strip_end(header)):
            raise SettingsError(
                f"{name}, line {line}, has {len(row)} cells and the header {len(names)}: "
                "the file is cut off or damaged; export it again."
            )
    return _build_frame(name, names, [row[: len(names)] for _, row in body], at)


def _find_header(numbered: list[tuple[int, list[str]]]) -> tuple[int, list[str] | None]:
    """Return the first line that is as wide as most lines, and whose cells are all named."""
    widths = Counter(len(row) for _, row in numbered)
    usual = widths.most_common(1)[0][0] if widths else 0
    for line, row in numbered[:ABOVE]:
        cells = [cell.strip() for cell in _strip_end(row)]
        if len(row) >= usual and cells and all(cells):
            return line, row
    return 0, None


def _strip_end(row: list[str]) -> list[str]:
    """Return a row without the empty cells at its end."""
    while row and not row[-1].strip():
        row = row[:-1]
    return row


def _build_frame(name: str, columns: list[str], rows: list[list[str]], header: int) -> pd.DataFrame:
    """Return rows as a frame of texts.

    Raises:
        SettingsError: two columns have one name, one has none, or all rows stand there twice.
    """
    repeated = [column for column, often in Counter(columns).items() if often > 1]
    if repeated or not all(columns):
        what = f"two columns named {repeated[0]}" if repeated else "a column without a name"
        raise SettingsError(f"{name} has {what} in line {header}: give each one its own.")
    half = len(rows) // 2
    if half and len(rows) % 2 == 0 and (rows[:half] == rows[half:] or rows[::2] == rows[1::2]):
        raise SettingsError(f"{name} has all its rows twice: export it again.")
    frame = pd.DataFrame(rows, columns=columns, dtype="str")
    return frame.where(frame != "")
