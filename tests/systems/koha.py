"""The loans of a simulated college as Koha holds them."""

from __future__ import annotations

import pandas as pd

from tests.foreign.native import Frames
from tests.systems.tables import Schema

SCHEMA: Schema = {
    "borrowers": "int borrowernumber, name cardnumber, name userid, name sort1, name sort2",
    "borrower_attributes": "id id, int borrowernumber, name code, name attribute",
    "items": "int itemnumber, name itype",
    "issues": "int issue_id, int borrowernumber, int itemnumber, moment returndate, moment issuedate, int onsite_checkout",
    "old_issues": "int issue_id, int borrowernumber, int itemnumber, moment returndate, moment issuedate, "
                  "int onsite_checkout",
    "statistics": "moment datetime",
}  # fmt: skip


def tables(records: Frames) -> dict[str, pd.DataFrame]:
    """The tables of a Koha from which students borrowed, and somebody a laptop."""
    students, loans = records["students"], records["book_borrows"]
    numbers = {student: n for n, student in enumerate(students["student_id"], 1)}
    noon = pd.Timedelta(hours=12)
    made = pd.DataFrame({
        "issue_id": loans["borrow_id"], "borrowernumber": loans["student_id"].map(numbers),
        "itemnumber": 1, "issuedate": loans["borrow_date"] + noon, "returndate": loans["return_date"] + noon,
    })  # fmt: skip
    laptop = made.head(1).assign(issue_id=made["issue_id"].max() + 1, itemnumber=2)
    returned = made["returndate"].notna()
    return {
        "borrowers": pd.DataFrame({
            "borrowernumber": list(numbers.values()), "cardnumber": students["roll_number"],
        }),
        "items": pd.DataFrame({"itemnumber": [1, 2], "itype": ["BK", "LAPTOP"]}),
        "issues": made[~returned],
        "old_issues": pd.concat([made[returned], laptop]),
        "statistics": pd.DataFrame({"datetime": [pd.Timestamp.now().floor("s")]}),
    }  # fmt: skip
