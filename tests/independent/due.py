"""Who is where, what is due and what is done: what the naive reading of the lists needs of a college.

Shares no code with the package it checks; the helpers for dates, classes, due and known work are much as in
`reading.py`, but kept apart on purpose. Comments that begin with "Reading:" mark a choice.
"""

import math
from collections import Counter, defaultdict
from datetime import date, timedelta
from functools import cache


# -------------------------------------------------------------------- small helpers
def as_day(value):
    return None if value in (None, "") else date.fromisoformat(str(value)[:10])


def known_on(day, end):
    return day is None or day <= end


def highest_id(rows, key):
    best = {}
    for row in rows:
        if key(row) not in best or row["id"] > best[key(row)]["id"]:
            best[key(row)] = row
    return list(best.values())


def group(rows, key):
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def clean(rows):
    """Copies of the rows with NaN as None and every id column as text."""
    copies = []
    for row in rows:
        copy = {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in row.items()
        }
        for name, value in copy.items():
            if name.endswith("_id") and value is not None:
                copy[name] = str(value)
        copies.append(copy)
    return copies


# -------------------------------------------------------------------- what is due and done (as in the scoring oracle)
class College:
    def __init__(self, relations, calendar):
        exams, vacation = calendar.get("exam_weeks", (8, 18)), calendar.get("vacation_weeks", ())
        self.teaching = [
            w
            for w in range(1, calendar.get("weeks", 18) + 1)
            if w not in exams and w not in vacation
        ]
        data = {name: clean(rows) for name, rows in relations.items() if rows is not None}
        self.classes = {r["class_id"]: r for r in data.get("classes", [])}
        self.students = {r["student_id"]: r for r in data.get("students", [])}

        def known(name):
            rows = data.get(name, [])
            return [
                r
                for r in rows
                if r["student_id"] in self.students and r["class_id"] in self.classes
            ]

        self.items = {}
        for kind, name, key in (
            ("a", "assignment_definitions", "assignment_id"),
            ("q", "quiz_definitions", "quiz_id"),
        ):
            self.items |= {
                (kind, r[key]): r for r in data.get(name, []) if r["class_id"] in self.classes
            }
        self.submissions = [
            r for r in known("assignment_submissions") if ("a", r["assignment_id"]) in self.items
        ]
        self.attempts = [r for r in known("quiz_submissions") if ("q", r["quiz_id"]) in self.items]
        # Reading: "its data do not exist" means that the college has no row at all of handed-in work.
        self.has_work = bool(self.submissions or self.attempts)
        attendance = known("attendance")
        self.registers = group(attendance, lambda r: r["student_id"])
        self.other = {
            name: group(known(name), lambda r: r["student_id"])
            for name in ("library_visits", "book_borrows", "lms_activity")
        }
        self.set_dates(
            [attendance, known("library_visits"), known("lms_activity")], data.get("sim_state")
        )
        self.seen = group(
            attendance, lambda r: (r["student_id"], self.term.get((r["class_id"], r["semester"])))
        )
        self.enrolments = group(
            data.get("enrolments", []), lambda r: (r["student_id"], r["semester"])
        )
        self.excused = defaultdict(set)
        for row in data.get("excuses", []):
            first, last = as_day(row["from"]), as_day(row["to"])
            last = first if row["to"] is None else last
            if first and last:
                self.excused[row["student_id"]] |= {
                    first + timedelta(i) for i in range((last - first).days + 1)
                }
        self.by_class = {}
        for pair, items in group(
            self.items, lambda i: (self.items[i]["class_id"], self.items[i]["semester"])
        ).items():
            weights = [self.items[i].get("weight") for i in items]
            all_optional = all(w in (None, 0) for w in weights)
            self.by_class[pair] = [
                i for i, w in zip(items, weights, strict=True) if all_optional or w != 0
            ]
        self.extensions = {}
        for kind, rows, key in (
            ("a", self.submissions, "assignment_id"),
            ("q", self.attempts, "quiz_id"),
        ):
            for row in highest_id(rows, lambda r, key=key: (r["student_id"], r[key])):
                self.extensions[row["student_id"], (kind, row[key])] = row
        self.submissions = group(self.submissions, lambda r: r["student_id"])
        self.attempts = group(self.attempts, lambda r: r["student_id"])

    # ---------------------------------------------------------------- dates, terms, classes
    def set_dates(self, feeds, sim_state):
        self.dates = defaultdict(dict)
        for rows in feeds:  # in order of preference
            latest = defaultdict(dict)
            for row in rows:
                pair, week, day = (
                    (row["class_id"], row["semester"]),
                    int(row["week"]),
                    as_day(row.get("week_date")),
                )
                if day is not None:
                    latest[pair][week] = max(day, latest[pair].get(week, day))
            for pair, days in latest.items():
                self.dates[pair] = days | self.dates[pair]
        if (
            sim_state
        ):  # a current class without any date starts with the earliest of the other current classes
            column = "odd_sem" if int(sim_state[0]["current_week"]) <= 18 else "even_sem"
            current = {
                (c, row[column]) for c, row in self.classes.items() if row[column] is not None
            }
            starts = [self.monday(pair, 1) for pair in current if pair in self.dates]
            for pair in current - set(self.dates) if starts else ():
                self.dates[pair][1] = min(starts)
        self.terms, self.term, name = defaultdict(dict), {}, None
        for pair in sorted(self.dates, key=lambda p: (self.monday(p, 1), p)):
            start = self.monday(pair, 1)
            if name is None or start - name > timedelta(weeks=8):
                name = start
            self.term[pair] = name
            self.terms[name][pair[0]] = pair
        running = current if sim_state else ()
        self.current_term = max((self.term[p] for p in running if p in self.term), default=None)
        # Asked for each student and week of a term, in each of its weeks.
        self.class_in, self.due = cache(self.class_in), cache(self.due)

    def monday(self, pair, week):
        days = self.dates[pair]
        near = min(days, key=lambda w: (abs(w - week), w))
        return days[near] + timedelta(weeks=week - near)

    def end(self, pair, week):
        return self.monday(pair, week) + timedelta(6)

    def class_in(self, student, term, week):
        rows = [r for r in self.seen.get((student, term), ()) if r["week"] <= week]
        home = self.students[student]["class_id"]
        pair = self.terms[term].get(home)
        if pair is not None and term == self.current_term:
            own = pair[1]
        else:
            counts = Counter(r["semester"] for r in self.seen.get((student, term), ()))
            own = max(counts, key=lambda s: (counts[s], s), default=None)
        rows = [r for r in rows if r["semester"] == own]
        if not rows:
            return pair
        last = max(r["week"] for r in rows)
        newest = [r for r in rows if r["week"] == last]
        counts = Counter(r["class_id"] for r in newest)
        most = {c for c, n in counts.items() if n == max(counts.values())}
        latest = max((r for r in newest if r["class_id"] in most), key=lambda r: int(r["id"]))
        return self.terms[term].get(home if home in most else latest["class_id"])

    # ---------------------------------------------------------------- work
    def due(self, student, term, week):
        """(class and semester, items) due for a student in a week."""
        pair = self.class_in(student, term, week)
        if week not in self.teaching or pair is None:
            return pair, []
        monday = self.monday(pair, week)
        joined = as_day(self.students[student].get("joined_on"))
        if joined is not None and self.end(pair, week) < joined:
            return pair, []
        if sum(monday + timedelta(i) in self.excused[student] for i in range(7)) >= 3:
            return pair, []
        items = [i for i in self.by_class.get(pair, ()) if self.due_week(student, i) == week]
        return pair, [
            i for i in items if self.is_enrolled(student, pair, self.items[i]["subject_id"], week)
        ]

    def due_week(self, student, item):
        row = self.extensions.get((student, item), {})
        if row.get("exempt"):
            return None
        moved = row.get("due_week_override")
        column = "due_week" if item[0] == "a" else "scheduled_week"
        return int(self.items[item][column] if moved is None else moved)

    def is_enrolled(self, student, pair, subject, week):
        rows, end = self.enrolments.get((student, pair[1])), self.end(pair, week)
        if not rows:
            return True
        for row in rows:
            last = as_day(row["to"])
            if (
                row["subject_id"] == subject
                and known_on(as_day(row["from"]), end)
                and (last is None or last >= end)
            ):
                return True
        return False

    def is_done(self, student, item, end):
        """Submitted or attempted, as known at the end of a day."""
        row = self.newest(student, item, end)
        if row is None:
            return False
        if item[0] == "q":
            return bool(row["attempted"])
        marked = known_on(as_day(row.get("marked_on")), end) and row["marks_obtained"] is not None
        return self.day_of(student, item, end) is not None or (
            marked and row["marks_obtained"] >= 0
        )

    def day_of(self, student, item, end):
        """The day of a submission or attempt, as known at the end of a day; None where it has none."""
        row = self.newest(student, item, end)
        return row and as_day(row["submission_date" if item[0] == "a" else "attempt_date"])

    def newest(self, student, item, end):
        """The row that counts of a student's rows of an item, as known at the end of a day."""
        column, rows = (
            ("submission_date", self.submissions)
            if item[0] == "a"
            else ("attempt_date", self.attempts)
        )
        key = "assignment_id" if item[0] == "a" else "quiz_id"
        # Reading: what has no day of its own does not exist before its mark is known.
        rows = [
            r
            for r in rows[student]
            if r[key] == item[1] and known_on(as_day(r[column]) or as_day(r.get("marked_on")), end)
        ]
        return max(rows, key=lambda r: (bool(r.get("attempted")), r["id"]), default=None)

    def has_record(self, student, term, week, end):
        """Whether anything of a student is known at the end of a week of a term.

        Reading: an unmarked register is no register; one of no lectures, and one of an excused week, is one.
        """

        def here(row, column):
            return self.term.get((row["class_id"], row["semester"])) == term and row[column] <= week

        marked = (
            r["present"] is not None and r["present"] >= 0 and here(r, "week")
            for r in self.registers.get(student, ())
        )
        counted = (
            (r[count] or 0) > 0 and here(r, "week")
            for name, count in (
                ("library_visits", "physical_visits"),
                ("lms_activity", "events"),
                ("lms_activity", "active_days"),
            )
            for r in self.other[name].get(student, ())
        )
        borrowed = (here(r, "borrow_week") for r in self.other["book_borrows"].get(student, ()))
        handed_in = (
            self.term.get((item["class_id"], item["semester"])) == term
            and self.is_done(student, key, end)
            for key, item in self.items.items()
        )
        return any(marked) or any(counted) or any(borrowed) or any(handed_in)
