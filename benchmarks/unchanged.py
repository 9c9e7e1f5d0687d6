"""Do two checkouts compute, judge and mail the same? `python -m benchmarks.unchanged BEFORE AFTER`.

Each runs, in homes of their own, a demo college through the whole of its second semester, and two
dirty colleges of the independent generator. Tables are compared value for value, pages, mails and
exports byte for byte; times, run ids and the folder's name are taken out of both.
"""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

# What says when, or which run, and nothing of a student.
TIMES = {
    "run_id",
    "computed_at",
    "started_at",
    "finished_at",
    "updated_at",
    "sent_at",
    "version",
    "seq",
}
# Fingerprints of what holds a time.
TIMES |= {"params_sha256", "content_sha256"}
MASKED = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)?"), "<time>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<run>"),
    (re.compile(r"=+\d{10,}=+"), "<boundary>"),
    (re.compile(r"(?m)^(Date|Message-ID):.*$"), r"\1: <time>"),
    # Reply codes hold the day until which they are taken; notebooks name functions of the package.
    (re.compile(r"\d{1,2}-[0-9A-Z]{3}(?:-[0-9A-Z]{4}){4}"), "<code>"),
    (re.compile(r"<code>show\.\w+\("), "<code>show.NAME("),
    # The id of the cell that papermill injects.
    (re.compile(r"cell-id=[0-9a-f]{8}"), "cell-id=<cell>"),
)
# Sums of floats may differ in the last digits from run to run of one version.
FLOAT = re.compile(r"-?\d+\.\d{9,}(e-?\d+)?")
DIRTY = ((1, "dirty"), (2, "all"))
PYTHON = sys.executable
SETTINGS = {
    "SECRET_KEY": "unchanged" * 5,
    "REPLY_TO": "early-alert@college.example",
    "MAIL_FROM": "edumetrics@college.example",
    "OPERATOR_EMAIL": "operator@college.example",
}


def run(checkout: Path, home: Path, *arguments: str) -> None:
    """Run a command of a checkout in a home; a gate that holds mail (exit 3) is a result like any other."""
    settings = {
        "PYTHONPATH": str(checkout),
        "EDUMETRICS_HOME": str(home),
        "CLIENT_DB_URL": f"sqlite:///{home / 'college.db'}",
        "DEFAULT_DB_URL": f"sqlite:///{home / 'analysis.db'}",
        "EDUMETRICS_WORKERS": "1",
        **SETTINGS,
    }
    done = subprocess.run(
        [PYTHON, "-m", "edumetrics", *arguments],
        env={**os.environ, **settings},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 3):
        raise SystemExit(f"{checkout} {' '.join(arguments)}: {done.stderr[-2000:]}")


def build(checkout: Path, homes: Path, students: int) -> None:
    """Run every college in a home of its own, by one checkout."""
    demo = homes / "demo"
    shutil.copytree(checkout / "params", demo / "params")
    run(checkout, demo, "demo", "--students", str(students), "--seed", "7")
    run(checkout, demo, "advance", "--weeks", "9")
    run(checkout, demo, "run")
    for seed, variant in DIRTY:
        home = homes / f"dirty-{seed}"
        shutil.copytree(checkout / "params", home / "params")
        made = "import sys, pathlib; from tests.independent import generator as g;"
        made += f"g.build(pathlib.Path(sys.argv[1]), {seed}, {variant!r})"
        subprocess.run(
            [PYTHON, "-c", made, str(home / "college.db")],
            check=True,
            cwd=Path(__file__).resolve().parents[1],
        )
        run(checkout, home, "calibrate")
        run(checkout, home, "run", "--week", "12")


def dump(home: Path) -> Iterator[tuple[str, str]]:
    """Every table and every file of a home, by name, without times."""
    with sqlite3.connect(home / "analysis.db") as connection:
        names = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        for name in names:
            cursor = connection.execute(f'SELECT * FROM "{name}"')
            kept = [
                place for place, column in enumerate(cursor.description) if column[0] not in TIMES
            ]
            rows = [json.dumps([row[place] for place in kept]) for row in cursor]
            yield f"table {name}", mask("\n".join(sorted(rows)), home)
    for path in sorted(home.glob("reports/**/*")):
        if path.suffix in (".html", ".eml", ".txt", ".csv"):
            yield str(path.relative_to(home)), mask(read(path), home)


def read(path: Path) -> str:
    """A file as text; of a mail every part decoded, since boundaries and line ends differ by chance."""
    if path.suffix != ".eml":
        return path.read_text(encoding="utf-8")
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    parts = [f"{name}: {value}" for name, value in message.items() if "boundary" not in value]
    for part in message.walk():
        if not part.is_multipart():
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes)
            parts.append(
                f"{part.get_content_type()}\n{payload.decode('utf-8', 'backslashreplace')}"
            )
    return "\n".join(parts)


def mask(text: str, home: Path) -> str:
    """A text without times, run ids and the home's name."""
    text = text.replace(str(home), "<home>")
    for pattern, instead in MASKED:
        text = pattern.sub(instead, text)
    return FLOAT.sub(lambda match: f"{float(match[0]):.9g}", text)


def compare(before: Path, after: Path) -> int:
    """Print what differs between two folders of homes; returns how many tables or files do."""
    differing = 0
    for home in sorted(path.name for path in before.iterdir()):
        old, new = dict(dump(before / home)), dict(dump(after / home))
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) == new.get(name):
                continue
            differing += 1
            a, b = (side.get(name, "(not there)").splitlines() for side in (old, new))
            first = next(
                (i for i, pair in enumerate(zip(a, b, strict=False)) if pair[0] != pair[1]), 0
            )
            print(f"{home}: {name}: {len(a)} and {len(b)} lines; line {first + 1}:")
            for side in (a, b):
                at = (
                    next(
                        (
                            n
                            for n, pair in enumerate(zip(a[first], b[first], strict=False))
                            if pair[0] != pair[1]
                        ),
                        0,
                    )
                    if first < min(len(a), len(b))
                    else 0
                )
                print(
                    f"    ...{side[first][max(at - 60, 0) : at + 200]}"
                    if first < len(side)
                    else "    (ends)"
                )
        print(f"{home}: {len(old)} tables and files before, {len(new)} after")
    return differing


def main() -> int:
    """Build what is not built yet, and compare."""
    before, after = (Path(argument).resolve() for argument in sys.argv[1:3])
    kept = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(tempfile.mkdtemp())
    students = 240
    for name, checkout in (("before", before), ("after", after)):
        if not (kept / name).exists():
            build(checkout, kept / name, students)
    differing = compare(kept / "before", kept / "after")
    print("identical" if not differing else f"{differing} differ")
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main())
