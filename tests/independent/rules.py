"""A naive reading of the rules of spec 4: each makes news of a week, and lists whom it is about.

Shares no code with the package it checks. Comments that begin with "Reading:" mark a choice.
"""

from collections import defaultdict
from datetime import timedelta

from tests.independent.due import group
from tests.independent.urgency import can_be_met

LEVELS = {
    "list_at": 45,
    "urgent": 60,
    "soon": 35,
    "margin": 8,
    "list_share": 0.15,
    "capacity": 8,
    "new_names": 2,
    "hand_over_after": 3,
    "late_days": 21,
    "class_share": 0.40,
    "rule_share": 0.20,
    "class_minimum": 3,
}


class Rule:
    """One rule, and the news that it makes of one term."""

    weeks = 3  # in which it lists at most

    def __init__(self, term):
        self.term, self.college, self.rows = term, term.college, term.rows
        self.since = {}  # student: first week of the run
        self.spoilt = set()  # runs that began together with those of too much of a class

    def look(self, week):
        """Who is listed by it this week (since when), and its findings: class: how many."""
        rows, news = self.rows[week], []
        for student in sorted(rows):
            if student in self.since and self.is_better(student, week):
                del self.since[student]
                self.spoilt.discard(student)
            if student not in self.since and (began := self.began(student, week)):
                self.since[student] = began
                if began == week:
                    news.append(student)
                else:  # Reading: what nobody was told in its week is no news in a later one.
                    self.spoilt.add(student)
        findings = {}
        for class_id, students in group(news, lambda s: rows[s]["class_id"]).items():
            members = sum(r["class_id"] == class_id for r in rows.values())
            if (
                len(students) > LEVELS["rule_share"] * members
                and len(students) >= LEVELS["class_minimum"]
            ):
                # Reading: it is news of the class then, and no student's in the weeks after either.
                findings[class_id] = len(students)
                self.spoilt.update(students)
        teaching = self.college.teaching
        listed = {
            s: since
            for s, since in self.since.items()
            if s in rows
            and s not in self.spoilt
            and teaching.index(week) - teaching.index(since) < self.weeks
        }
        return listed, findings

    def began(self, student, week):
        """The first week of a run that was not there before; None where there is none."""
        return week if self.holds(student, week) else None

    def last_row(self, student, week):
        return self.rows.get(self.term.before(week), {}).get(student)


class LowAttendance(Rule):
    def holds(self, student, week):
        row = self.rows[week][student]
        held, attended = row["week_lectures_held"] or 0, row["week_lectures_attended"] or 0
        if held < 3 or 100 * attended > 30 * held:
            return False
        earlier = [self.rows[w].get(student) for w in self.college.teaching if w < week][-4:]
        earlier = [r for r in earlier if r is not None]
        before = sum(r["week_lectures_held"] or 0 for r in earlier)
        return before > 0 and 2 * sum(r["week_lectures_attended"] or 0 for r in earlier) >= before

    def is_better(self, student, week):
        row = self.rows[week][student]
        held = row["week_lectures_held"] or 0
        return held > 0 and 2 * row["week_lectures_attended"] >= held


class NoWork(Rule):
    """Reading: a run is told from what is known now, so that it may turn out never to have begun."""

    def last_hand_in(self, student, week):
        """The day of the last work. Reading: work without a date counts as in time, so as of the day it was due."""
        row = self.rows[week][student]
        end = self.college.end((row["class_id"], row["semester"]), week)
        last = end - timedelta(row["days_since_submission"])
        undated = defaultdict(list)  # what was done of one kind and day: has anything a date?
        for item, day in self.term.due_until(student, week):
            if self.college.is_done(student, item, end):
                undated[item[0], day].append(self.college.day_of(student, item, end))
        return max([last, *(day for (_, day), known in undated.items() if not any(known))])

    def began(self, student, week):
        """The first week by whose end the student had been silent for too long."""
        if not self.college.has_work or self.rows[week][student]["days_since_submission"] is None:
            return None
        last, now = self.last_hand_in(student, week), self.term.end(student, week)
        for earlier in (w for w in self.college.teaching if w <= week):
            end = self.college.end(self.college.due(student, self.term.name, earlier)[0], earlier)
            due = [(i, d) for i, d in self.term.due_until(student, earlier) if d > last]
            is_open = any(
                i[0] == "a"
                and not self.college.is_done(student, i, now)
                and 0 <= (end - d).days <= LEVELS["late_days"]
                for i, d in due
            )
            if (end - last).days >= 14 and len(due) >= 2 and is_open:
                return earlier
        return None

    def is_better(self, student, week):
        """There is no run any more."""
        return self.began(student, week) is None


class Deadline(Rule):
    weeks = 1

    def holds(self, student, week):
        row, last = self.rows[week][student], self.last_row(student, week)
        # Reading: a chance that was not known last week was not .9.
        before = (last["risk_of_detention"] if last else None) or 0
        return can_be_met(row) and (row["risk_of_detention"] or 0) >= 90 and before < 90

    def is_better(self, student, week):
        return (self.rows[week][student]["risk_of_detention"] or 0) < 90


RULES = {"low_attendance": LowAttendance, "no_work": NoWork, "deadline": Deadline}
