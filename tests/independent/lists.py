"""A naive reading of the weekly lists of spec 4, student by student and week by week.

Shares no code with the package it checks. A forecast is taken as stored (`p_fail`), and so are the list thresholds,
which `urgency.fit` makes again; all else is made here. A wrong flag is left out: what it holds for are the sentences
of a card. Comments that begin with "Reading:" mark a choice.
"""

import statistics
from collections import defaultdict
from datetime import date

from tests.independent.due import College, as_day, clean, group
from tests.independent.rules import LEVELS, RULES
from tests.independent.urgency import (
    Components,
    Urgency,
    find_leading,
    make_score,
    quantile,
)

GRACE = 3
LOOKED_AFTER = ("talked", "referred", "known reason")  # each for two teaching weeks
TIERS = ("watch", "high", "critical")
# Where the text has two readings, the one not taken here; a caller may ask for it by name.
OTHER_READINGS = frozenset(
    {
        "a rule that goes on ranks first in grace",
        "the second look is forgotten next week",
    }
)


# -------------------------------------------------------------------- one term
class Term:
    """One term's memory: metrics by week and student, and one list after another."""

    def __init__(self, college, metrics, contacts, known):
        self.college, self.known = College(college, known.get("calendar", {})), known
        self.rows = defaultdict(dict)  # week: student: row
        for row in clean(metrics):
            self.rows[int(row["sem_week"])][row["student_id"]] = row
        (name,) = {str(row["term"])[:10] for row in metrics}
        self.name = date.fromisoformat(name)
        self.weeks = [w for w in self.college.teaching if w <= max(self.rows)]
        contacts = [c for c in clean(contacts) if as_day(c["term"]) == self.name]
        self.contacts = group(contacts, lambda c: c["student_id"])
        self.urgency = Urgency(
            self.rows, self.college.teaching, known.get("risks", {}), known.get("model_from")
        )
        self.components = Components(self.college, self.rows, self.weeks, self.name)
        self.rules = {name: rule(self) for name, rule in RULES.items()}
        self.flags, self.findings, self.exits, self.list_at = {}, {}, {}, {}
        self.urgencies = {}

    def before(self, week):
        """The teaching week before, or None."""
        earlier = [w for w in self.college.teaching if w < week]
        return earlier[-1] if earlier else None

    def last_list(self, week):
        return self.flags.get(self.before(week), {})

    def end(self, student, week):
        row = self.rows[week][student]
        return self.college.end((row["class_id"], row["semester"]), week)

    def due_until(self, student, week):
        """(item, the day it fell due) of the term until a week, since the student joined."""
        joined = as_day(self.college.students[student].get("joined_on"))
        for w in self.college.teaching:
            pair, items = self.college.due(student, self.name, w)
            # Reading: a week ends when it ends in the class the student was in then.
            if w <= week and items and (joined is None or joined <= self.college.end(pair, w)):
                yield from ((item, self.college.end(pair, w)) for item in items)

    def is_open(self, student, item, day, end):
        """Whether it can still be handed in: an assignment not in, due at most 21 days ago."""
        if self.college.is_done(student, item, end):
            return False
        return item[0] == "a" and (end - day).days <= LEVELS["late_days"]

    def reads(self, name):
        """Whether the other reading is asked for."""
        assert name in OTHER_READINGS
        return name in self.known.get("readings", ())

    def run(self):
        for week in self.weeks:
            self.make_week(week)
        return self

    # ---------------------------------------------------------------- one week
    def make_week(self, week):
        rows = self.rows[week]
        here = {s for s in rows if self.college.has_record(s, self.name, week, self.end(s, week))}
        listed_by_rule, findings = defaultdict(dict), {}
        for code, rule in self.rules.items():
            listed, classes = rule.look(week)
            findings |= {(class_id, code): count for class_id, count in classes.items()}
            for student, since in listed.items():
                listed_by_rule[student][code] = since
        self.urgencies[week] = {s: self.urgency.of(s, week) for s in rows}
        self.set_threshold(week)
        findings |= self.look_twice(week, here, listed_by_rule)
        self.findings[week] = findings
        flags = {}
        for student in sorted(here):
            by = self.listed_by(student, week, listed_by_rule[student])
            if by:
                flags[student] = self.flag(student, week, by, listed_by_rule[student])
        self.flags[week] = flags
        self.give_places(week)
        self.exits[week] = {
            s: "withdrawn" if s not in rows else "exit"
            for s in self.last_list(week)
            if s not in flags
        }

    def set_threshold(self, week):
        """The stored one of the ranking, never lower than this week's quantile over all scored students."""
        ranking = "model" if self.urgency.ranking(week) == "model" else "rules"
        stored = self.known.get("thresholds", {})
        fitted = stored.get((ranking, max(week, 4)), LEVELS["list_at"])
        values = [u for u in self.urgencies[week].values() if u is not None]
        floor = quantile(values, 1 - LEVELS["list_share"]) if values else 0
        # Reading: the floor holds for the shipped threshold alone, of which the sentence speaks.
        unfitted = (ranking, max(week, 4)) not in stored
        self.list_at[week] = max(fitted, floor) if unfitted else fitted

    def listed_by(self, student, week, rules):
        """The first of rule, urgency, watchlist, staying that lists the student."""
        if rules:
            return "rule"
        if week <= GRACE:
            return "watchlist" if student in self.known.get("watched", ()) else None
        urgency, at = self.urgencies[week][student], self.list_at[week]
        if urgency is None:
            return None
        if urgency >= at:
            return "urgency"
        if student in self.last_list(week) and urgency > at - LEVELS["margin"]:
            return "staying"
        return None

    def look_twice(self, week, here, rules):
        """Findings on what leads too much of a class; where rules rank, those urgencies are made again."""
        findings = {}
        for class_id, members in group(
            sorted(here), lambda s: self.rows[week][s]["class_id"]
        ).items():
            parts = {s: self.components.of(s, week) for s in members}
            leading = defaultdict(int)
            for s in members:
                if self.listed_by(s, week, rules[s]):
                    # Reading: whoever is listed by a rule is listed for the rule's reason.
                    leading[next(iter(rules[s]), None) or find_leading(parts[s])] += 1
            for code, count in leading.items():
                share = LEVELS["class_share"] * len(members)
                if code is None or count <= share or count < LEVELS["class_minimum"]:
                    continue
                findings[class_id, code] = count
                if self.urgency.ranking(week) == "rules" and code not in RULES:
                    self.take_median(week, parts, code)
        return findings

    def take_median(self, week, parts, code):
        values = [p[code] for p in parts.values() if p[code] is not None]
        median = statistics.median(values)
        for student, own in parts.items():
            if own[code] is not None:
                own[code] = max(own[code] - median, 0)
            remember = not self.reads("the second look is forgotten next week")
            score = make_score(own)
            self.urgencies[week][student] = self.urgency.of(student, week, score, remember)

    # ---------------------------------------------------------------- one student in one week
    def flag(self, student, week, listed_by, rules):
        row, last = self.rows[week][student], self.last_list(week).get(student)
        earlier = [w for w in self.flags if w < week and student in self.flags[w]]
        urgency, at = self.urgencies[week][student], self.list_at[week]
        tier = 0
        if week > GRACE and urgency is not None:
            tier += urgency >= max(LEVELS["soon"], at - LEVELS["margin"])
            tier += urgency >= max(LEVELS["urgent"], at)
        rose = last is not None and tier > TIERS.index(last["risk_tier"])
        status = ("escalated" if rose else "continuing") if last else "new"
        status = "returned" if earlier and not last else status
        new_rules = {code for code, since in rules.items() if since == week}
        return {
            "student_id": student,
            "class_id": row["class_id"],
            "advisor_id": row["advisor_id"] or None,
            "risk_tier": TIERS[tier],
            "urgency_score": urgency,
            "ranked_by": self.urgency.ranking(week),
            "listed_by": listed_by,
            "rules": rules,
            "status": status,
            "escalation_level": (
                0 if week <= GRACE else (last["escalation_level"] if last else 0) + 1
            ),
            "weeks_on_list": len(earlier) + 1,
            "first_flagged_week": min([*earlier, week]),
            "looked_after": self.is_looked_after(student, week, rose, new_rules),
            "new_name": last is None,
            "new_rules": new_rules,
        }

    def is_looked_after(self, student, week, rose, new_rules):
        """Reading: what ended it ends it for good, until there is a later entry."""
        for contact in self.contacts[student]:
            since, kind = int(contact["sem_week"]), str(contact["kind"]).replace("_", " ")
            if since >= week or kind not in LOOKED_AFTER:
                continue
            until = as_day(contact.get("until"))
            counted = [w for w in self.college.teaching if w > since][:2]
            if self.end(student, week) > until if until else week not in counted:
                continue
            flags = [self.flags[w].get(student) for w in self.flags if since < w < week]
            ended = any(f and (f["status"] == "escalated" or f["new_rules"]) for f in flags)
            if not (ended or rose or new_rules):
                return True
        return False

    # ---------------------------------------------------------------- one advisor in one week
    def give_places(self, week):
        runs_first = self.reads("a rule that goes on ranks first in grace")
        for advisor, flags in group(self.flags[week].values(), lambda f: f["advisor_id"]).items():
            flags.sort(
                key=lambda f: (
                    week > GRACE or not (f["rules"] if runs_first else f["new_rules"]),
                    # Reading: an unknown urgency comes after every known one.
                    -1 * (-1 if f["urgency_score"] is None else f["urgency_score"]),
                    -f["weeks_on_list"],
                    f["student_id"],
                )
            )
            waiting = [f for f in flags if not f["looked_after"]]
            # Those looked after are outside the order: the text gives them no place in it.
            for flag in flags:
                flag["triage_rank"] = None if flag["looked_after"] else waiting.index(flag) + 1
            places = self.known.get("capacities", {}).get(
                advisor, self.known.get("capacity", LEVELS["capacity"])
            )
            chosen, rest = waiting[:places], waiting[places:]
            fresh = [f for f in rest if self.is_fresh(f, week)]
            while sum(self.is_fresh(f, week) for f in chosen) < LEVELS["new_names"] and fresh:
                others = [f for f in chosen if not self.is_fresh(f, week)]
                if not others:
                    break
                chosen.remove(others[-1])
                chosen.append(fresh.pop(0))
            for flag in flags:
                flag["within_capacity"] = any(flag is c for c in chosen)
                flag["hand_over"] = self.is_handed_over(flag, week)

    def is_fresh(self, flag, week):
        near = (
            flag["urgency_score"] is not None
            and flag["urgency_score"] >= self.list_at[week] - LEVELS["margin"]
        )
        return (flag["new_name"] and near) or "deadline" in flag["new_rules"]

    def is_handed_over(self, flag, week):
        """Reading: this week's place is the third; an entry counts from the first of the three weeks on."""
        count = LEVELS["hand_over_after"]
        weeks = [w for w in self.college.teaching if w <= week][-count:]
        if len(weeks) < count or not flag["within_capacity"]:
            return False
        student = flag["student_id"]
        if not all(self.flags[w].get(student, {}).get("within_capacity") for w in weeks):
            return False
        return not any(
            weeks[0] <= int(c["sem_week"]) < week
            and str(c["kind"]).replace("_", " ") != "no answer"
            for c in self.contacts[student]
        )


def lists(college, metrics, contacts, known):
    """The lists of one term: a `Term` with flags, findings, exits and list_at by week."""
    return Term(college, metrics, contacts, known).run()
