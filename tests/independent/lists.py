"""A naive reading of the weekly lists of spec 4 (rules only, no model), student by student and week by week.

Shares no code with the package it checks; the helpers for dates, classes, due and known work are much as in
`reading.py`, but kept apart on purpose. Comments that begin with "Reading:" mark a choice.
"""

import math
from collections import defaultdict
from datetime import date, timedelta

TIERS = ["Watch", "High", "Critical"]
KINDS = {"talked", "referred", "known reason"}
RULES = ("low_attendance", "no_work", "out_of_reach")


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
        latest = highest_id(self.submissions, lambda r: (r["student_id"], r["assignment_id"]))
        self.extensions = {
            (r["student_id"], r["assignment_id"]): r.get("due_week_override") for r in latest
        }
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

    def monday(self, pair, week):
        days = self.dates[pair]
        near = min(days, key=lambda w: (abs(w - week), w))
        return days[near] + timedelta(weeks=week - near)

    def end(self, pair, week):
        return self.monday(pair, week) + timedelta(6)

    def class_in(self, student, term, week):
        rows = [r for r in self.seen.get((student, term), ()) if r["week"] <= week]
        row = max(rows, key=lambda r: (r["week"], r["id"])) if rows else self.students[student]
        return self.terms[term].get(row["class_id"])

    # ---------------------------------------------------------------- work
    def due(self, student, term, week):
        """(class and semester, items) due for a student in a week."""
        pair = self.class_in(student, term, week)
        if week not in self.teaching or pair is None:
            return pair, []
        monday = self.monday(pair, week)
        if sum(monday + timedelta(i) in self.excused[student] for i in range(7)) >= 3:
            return pair, []
        items = [i for i in self.by_class.get(pair, ()) if self.due_week(student, i) == week]
        return pair, [
            i for i in items if self.is_enrolled(student, pair, self.items[i]["subject_id"], week)
        ]

    def due_week(self, student, item):
        if item[0] == "q":
            return int(self.items[item]["scheduled_week"])
        extension = self.extensions.get((student, item[1]))
        return int(self.items[item]["due_week"] if extension is None else extension)

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
        column, rows = (
            ("submission_date", self.submissions)
            if item[0] == "a"
            else ("attempt_date", self.attempts)
        )
        key = "assignment_id" if item[0] == "a" else "quiz_id"
        rows = [r for r in rows[student] if r[key] == item[1] and known_on(as_day(r[column]), end)]
        if not rows:
            return False
        row = max(rows, key=lambda r: r["id"])
        if item[0] == "q":
            return bool(row["attempted"])
        marked = known_on(as_day(row.get("marked_on")), end) and row["marks_obtained"] is not None
        return as_day(row["submission_date"]) is not None or (marked and row["marks_obtained"] >= 0)


# -------------------------------------------------------------------- the lists
class Term:
    """One term's memory: metrics by week and student, rules by week, and one list after another."""

    def __init__(self, college, metrics, contacts, calendar, rules):
        self.college, self.rules = College(college, calendar), rules
        self.grace = range(1, calendar.get("grace_weeks", 3) + 1)
        self.rows = defaultdict(dict)  # week: student: row
        for row in clean(metrics):
            self.rows[int(row["sem_week"])][row["student_id"]] = row
        names = {str(row["term"])[:10] for row in metrics}
        if len(names) > 1:
            raise ValueError(f"metrics of more than one term: {sorted(names)}")
        self.name = date.fromisoformat(names.pop()) if names else None
        last = max(self.rows, default=0)
        self.weeks = [w for w in self.college.teaching if w <= last]
        contacts = [c for c in clean(contacts) if as_day(c["term"]) == self.name]
        contacts = [c for c in contacts if str(c["kind"]).lower().replace("_", " ") in KINDS]
        self.contacts = group(contacts, lambda c: c["student_id"])
        self.fired = {w: {s: self.rules_of(s, w) for s in self.rows[w]} for w in self.weeks}
        self.flags = {}  # week: student: flag

    def limit(self, name):
        return self.rules.get(
            name,
            {"watch": 45, "high": 60, "critical": 75, "margin": 5, "capacity": 8, "new": 2}[name],
        )

    def run(self):
        result = {}
        for week in self.weeks:
            self.flags[week] = {}
            for student in sorted(self.rows[week]):
                if flag := self.flag(student, week):
                    self.flags[week][student] = flag
            self.rank(week)
            before, now = self.last_list(week), self.flags[week]
            exits = sorted(set(before) - set(now))
            result[week] = {
                "flags": sorted(
                    now.values(), key=lambda f: (f["advisor_id"] or "", f["triage_rank"])
                ),
                "exits": exits,
                "exits_without_row": [s for s in exits if s not in self.rows[week]],
                "class_share": self.class_share(week),
            }
        return result

    def before(self, week):
        """The previous teaching week of the semester, or None."""
        earlier = [w for w in self.college.teaching if w < week]
        return earlier[-1] if earlier else None

    def last_list(self, week):
        return self.flags.get(self.before(week), {})

    # ---------------------------------------------------------------- hard rules
    def rules_of(self, student, week):
        off = self.rules.get("off", ())
        return [rule for rule in RULES if rule not in off and getattr(self, rule)(student, week)]

    def low_attendance(self, student, week):
        row = self.rows[week][student]
        held, attended = row["week_lectures_held"] or 0, row["week_lectures_attended"] or 0
        return held >= 3 and 100 * attended <= 30 * held

    def no_work(self, student, week):
        row = self.rows[week][student]
        days = row["days_since_submission"]
        if not self.college.has_work or days is None or days < 14:
            return False
        end = self.college.end((row["class_id"], row["semester"]), week)
        items = []
        for w in self.college.teaching:
            pair, due = self.college.due(student, self.name, w)
            # Reading: a week ends when it ends in the class the student was in then.
            if w <= week and due and (end - self.college.end(pair, w)).days < days:
                items += due
        return len(items) >= 2 and not all(
            self.college.is_done(student, item, end) for item in items
        )

    def out_of_reach(self, student, week):
        def out(w):
            row = self.rows[w].get(student)
            if row is None or row["lectures_to_attend"] is None or row["lectures_left"] is None:
                return False
            return row["lectures_to_attend"] > row["lectures_left"]

        return out(week) and not any(out(w) for w in self.weeks if w < week)

    # ---------------------------------------------------------------- one student in one week
    def flag(self, student, week):
        row, fired = self.rows[week][student], self.fired[week][student]
        fired_before = self.fired.get(self.before(week), {}).get(student, [])
        last = self.last_list(week).get(student)
        earlier = [w for w in self.flags if w < week and student in self.flags[w]]
        score, level, raised = row["risk_score"], 0, False
        score_tier = None  # 0 Watch, 1 High, 2 Critical
        if score is not None:
            names = ("watch", "high", "critical")
            score_tier = max(
                (i for i, name in enumerate(names) if score >= self.limit(name)), default=None
            )
            if score_tier is None and last and score > self.limit("watch") - self.limit("margin"):
                score_tier = 0
        if week in self.grace:
            if not fired and not fired_before and student not in self.rules.get("watched", ()):
                return None
            tier = 0
        else:
            if score_tier is None and not fired and not fired_before:
                return None
            tier = score_tier or 0
            if fired or fired_before:
                tier = max(tier, 1)
            level = (last["escalation_level"] if last else 0) + 1
            score_before = (
                self.rows[self.before(week)].get(student, {}).get("risk_score") if last else None
            )
            # Reading: a fall must be seen; an unknown score last week is no fall.
            falls = score is not None and score_before is not None and score < score_before
            if level == 3:
                raised = tier == 0 and not falls
            elif level > 3:
                raised = last["raised"] and score_tier == 0 and not falls
            tier = max(tier, 1) if raised else tier
        rose = last is not None and tier > TIERS.index(last["risk_tier"])
        status = (
            ("escalated" if rose else "continuing") if last else ("returned" if earlier else "new")
        )
        ended = rose or any(rule not in fired_before for rule in fired)
        advisor = (
            row["advisor_id"]
            if "advisor_id" in row
            else self.college.students[student].get("advisor_id")
        )
        return {
            "student_id": student,
            "risk_tier": TIERS[tier],
            "status": status,
            "escalation_level": level,
            "first_flagged_week": min([*earlier, week]),
            "looked_after": not ended and self.has_contact(student, week, last),
            "rules": fired,
            "raised": raised,
            "advisor_id": advisor or None,
            "class_id": row["class_id"],
            "risk_score": score,
        }

    def has_contact(self, student, week, last):
        contacts = [c for c in self.contacts[student] if int(c["sem_week"]) < week]
        if not contacts:
            return False
        if (
            last
            and not last["looked_after"]
            and self.before(week) > max(int(c["sem_week"]) for c in contacts)
        ):
            return False
        row = self.rows[week][student]
        end = self.college.end((row["class_id"], row["semester"]), week)
        for contact in contacts:
            until, since = as_day(contact.get("until")), int(contact["sem_week"])
            next_two = [w for w in self.college.teaching if w > since][:2]
            if end <= until if until else week in next_two:
                return True
        return False

    # ---------------------------------------------------------------- one advisor in one week
    def rank(self, week):
        for advisor, flags in group(self.flags[week].values(), lambda f: f["advisor_id"]).items():
            # Reading: an unknown score ranks below every known one.
            flags.sort(key=lambda f: f["student_id"])
            flags.sort(
                key=lambda f: (
                    TIERS.index(f["risk_tier"]),
                    -1 if f["risk_score"] is None else f["risk_score"],
                    f["escalation_level"],
                ),
                reverse=True,  # stable: equal ones stay in order of id
            )
            for number, flag in enumerate(flags, 1):
                flag["triage_rank"] = number
            places = self.rules.get("capacities", {}).get(advisor, self.limit("capacity"))
            waiting = [f for f in flags if not f["looked_after"]]
            chosen, rest = waiting[:places], waiting[places:]
            reserved = max(min(self.limit("new"), places - 1), 0)
            while sum(f["status"] == "new" for f in chosen) < reserved:
                incoming = [f for f in rest if f["status"] == "new"]
                outgoing = [f for f in chosen if f["status"] != "new"]
                if not incoming or not outgoing:
                    break
                chosen.remove(outgoing[-1])
                chosen.append(incoming[0])
                rest.remove(incoming[0])
            for flag in flags:
                flag["within_capacity"] = any(flag is c for c in chosen)

    def class_share(self, week):
        """Share of each class's rows that is flagged, for whatever reason."""
        members = group(self.rows[week].values(), lambda r: r["class_id"])
        return {
            c: sum(r["student_id"] in self.flags[week] for r in rows) / len(rows)
            for c, rows in members.items()
        }


def lists(college, metrics, contacts, calendar, rules):
    """The lists of one term: {week: {"flags", "exits", "exits_without_row", "class_share"}}."""
    return Term(college, metrics, contacts, calendar, rules).run()
