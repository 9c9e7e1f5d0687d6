"""The people and classes of a college, each once."""

from __future__ import annotations

import pandas as pd

from edumetrics.college.reader import Reader

# What scoring sees of a student. Names and addresses are left out: only pages and mails need them.
STUDENT_COLUMNS = ("student_id", "class_id", "advisor_id", "joined_on", "withdrawn_on")


class PeopleReader(Reader):
    """Reads classes, students and advisors."""

    @property
    def classes(self) -> pd.DataFrame:
        """class_id, name, odd_sem, even_sem; unique by class_id."""
        frame = self.read_columns("classes", "class_id", "name", "odd_sem", "even_sem")
        return frame.dropna(subset="class_id").drop_duplicates("class_id", keep="last")

    @property
    def students(self) -> pd.DataFrame:
        """student_id, class_id, advisor_id, joined_on, withdrawn_on; unique by student_id.

        Students on the list of exclusions are left out.
        """
        frame = self._people.dropna(subset="student_id").drop_duplicates("student_id", keep="last")
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
        frame = self.read_columns("advisors", "advisor_id", "name", "email", "class_id")
        return frame.dropna(subset="advisor_id").drop_duplicates("advisor_id", keep="last")

    @property
    def names(self) -> pd.DataFrame:
        """student_id, name, roll_number; only for pages and mails."""
        return self._people[["student_id", "name", "roll_number"]].drop_duplicates(
            "student_id", keep="last"
        )

    @property
    def addresses(self) -> pd.DataFrame:
        """student_id, email; only for the drafts that advisors receive."""
        return self.read_columns("students", "student_id", "email").drop_duplicates(
            "student_id", keep="last"
        )

    @property
    def parents(self) -> pd.DataFrame:
        """student_id, parent_email; only where contact is permitted, and null means no."""
        permitted = self.read_columns("students", "student_id", "parent_contact_permitted")
        # `eq(True)` is not true for null, so a missing permission excludes the parent.
        permitted = permitted[permitted["parent_contact_permitted"].eq(True)]
        frame = self.read_columns("students", "student_id", "parent_email").drop_duplicates(
            "student_id", keep="last"
        )
        return frame[frame["student_id"].isin(permitted["student_id"])]

    @property
    def _people(self) -> pd.DataFrame:
        return self.read_columns("students", *STUDENT_COLUMNS, "name", "roll_number")
