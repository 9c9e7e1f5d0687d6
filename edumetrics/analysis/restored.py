"""Find erased students whom a restored backup has brought back."""

from __future__ import annotations

from pathlib import Path

from edumetrics.analysis.store import Store
from edumetrics.fields import TABLES
from edumetrics.marks import Marks

# Every table with a student_id column is personal. The list comes from the field definitions,
# so that a new table cannot be forgotten here.
PERSONAL = tuple(name for name, table in TABLES.items() if "student_id" in table.names)
# The stage of an erasure in the ledger, and the file of a home that remembers it.
ERASE, ERASURES = "erase", "erased.log"


def find_restored(store: Store, home: Path) -> list[str]:
    """Return who was erased after a backup of this database was made, and is there again, sorted.

    An erasure whose run the ledger does not have was done after the backup.
    """
    marks = Marks(home, ERASURES)
    words = marks.read_words()
    if not words:
        return []
    whole = store.show_all()
    known = set(whole.read("run_log", ("run_id",), stage=ERASE)["run_id"])
    lost = {mark for mark, run_id in words.items() if run_id not in known}
    if not lost:
        return []
    held = {student for name in PERSONAL for student in whole.list_values(name, "student_id")}
    return sorted(student for student in held if marks.compute_mark((student,)) in lost)
