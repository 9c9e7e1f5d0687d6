"""The people and classes of a college, each once."""

from __future__ import annotations

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.reader import Reader, keep, keep_one
from edumetrics.database import NOTHING
from edumetrics.fields import RELATIONS

# What scoring sees of a student. Names and addresses are left out: only pages and mails need them.
STUDENT_COLUMNS = ("student_id", "class_id", "advisor_id", "joined_on", "withdrawn_on")
# A parent's address is read only where contact is permitted.
UNCOMPARED = frozenset({"parent_email"})
PEOPLE = ("students", "classes", "advisors")


class PeopleReader(Reader):
    """Reads classes, students and advisors."""

    @keep()
    def read_once(self, name: str, *columns: str) -> pd.DataFrame:
        """Return the named columns of people or classes, each id once, without rows without an id.

        Of rows that differ, one counts as `keep_one` says.
        """
        key = RELATIONS[name].key[0]
        frame = self.read_columns(name, *columns)
        ids = frame[key].str.strip().str.lower()
        return keep_one(frame[frame[key].notna() & ~ids.isin(NOTHING)], [key])

    @property
    def classes(self) -> pd.DataFrame:
        """class_id, name, odd_sem, even_sem; unique by class_id."""
        return self.read_once("classes", "class_id", "name", "odd_sem", "even_sem")

    @property
    def class_terms(self) -> pd.DataFrame:
        """class_id, slot, semester: which semester a listed class is in; unique by the first two.

        From class_terms where the college has it, else from odd_sem and even_sem. A class without a
        semester in a slot is not in session then, and not in the frame.
        """
        classes = self.classes
        if self.relations["class_terms"] is None:
            frame = classes.melt("class_id", ["odd_sem", "even_sem"], "slot", "semester")
            frame = frame.assign(slot=frame["slot"].str.removesuffix("_sem"))
        else:
            frame = self.read_columns("class_terms", "class_id", "slot", "semester")
            frame = frame[frame["class_id"].isin(classes["class_id"])]
        order = ["class_id", "slot", "semester"]
        frame = frame.dropna().sort_values(order).drop_duplicates(order[:2], keep="last")
        return frame.sort_index()

    @property
    def students(self) -> pd.DataFrame:
        """student_id, class_id, advisor_id, joined_on, withdrawn_on; unique by student_id.

        Students on the list of exclusions are left out.
        """
        frame = self._people
        return frame.loc[
            ~frame["student_id"].isin(self.params.scoring.exclusions), list(STUDENT_COLUMNS)
        ]

    @property
    def large(self) -> bool:
        """Whether a frame with one row per student and week would be too large for this college."""
        return len(self._people) > self.params.batch.chunk_students

    @property
    def listed(self) -> pd.Series:
        """Every student_id that the college lists, excluded students included."""
        return self._people["student_id"]

    @property
    def advisors(self) -> pd.DataFrame:
        """advisor_id, name, email, class_id; unique by advisor_id."""
        return self.read_once("advisors", "advisor_id", "name", "email", "class_id")

    @property
    def second_advisors(self) -> pd.DataFrame:
        """student_id and advisor_id of the second advisor; only students who have one."""
        frame = self.read_once("students", "student_id", "second_advisor_id")
        frame = frame.rename(columns={"second_advisor_id": "advisor_id"})
        return frame[frame["advisor_id"].isin(self.advisors["advisor_id"])]

    @property
    def names(self) -> pd.DataFrame:
        """student_id, name, roll_number; only for pages and mails."""
        return self._people[["student_id", "name", "roll_number"]]

    @property
    def addresses(self) -> pd.DataFrame:
        """student_id, email; only for the drafts that advisors receive."""
        return self.read_once("students", "student_id", "email")

    @property
    def parents(self) -> pd.DataFrame:
        """student_id, parent_email; only where contact is permitted, and null means no."""
        permitted = self.read_columns("students", "student_id", "parent_contact_permitted")
        # `eq(True)` is not true for null, so a missing permission excludes the parent.
        permitted = permitted[permitted["parent_contact_permitted"].eq(True)]
        frame = self.read_once("students", "student_id", "parent_email")
        return frame[frame["student_id"].isin(permitted["student_id"])]

    @property
    def _people(self) -> pd.DataFrame:
        return self.read_once("students", *STUDENT_COLUMNS, "name", "roll_number")

    @keep()
    def read_repeated(self, name: str) -> pd.DataFrame:
        """Return the rows of people or classes whose id stands in several, and not always alike.

        Returns:
            The mapped columns of the relation, without addresses of parents.
        """
        relation, record = self.relation(name), RELATIONS[name]
        key = relation.c[record.key[0]]
        columns = [one for one in record.names if one in relation.present - UNCOMPARED]
        several = sa.select(key).group_by(key).having(sa.func.count() > 1)
        rows = sa.select(*(relation.c[one] for one in columns)).where(key.in_(several))
        frame = self.read_frame(rows, name).drop_duplicates()
        return frame[frame.duplicated(record.key[0], keep=False)]
