"""A naive reading of urgency and the list threshold (spec 4), from the weekly metrics as stored.

Shares no code with the package it checks. Comments that begin with "Reading:" mark a choice.
"""

import math
import statistics
from collections import defaultdict

NEW, OLD = 0.7, 0.3  # how much of this week and of last week's urgency counts
SMOOTHED_FROM = 5
DETENTION_WEIGHT = 0.3
PASS_AND_MARGIN = 55
COMPONENTS = {  # in the order of the text, each with its weight
    "attendance_standing": 20,
    "academic_level": 20,
    "missed_work": 15,
    "attendance_fall": 12,
    "effort_level": 10,
    "effort_fall": 10,
    "academic_fall": 8,
    "platform_silence": 5,
}


def clip(value, low=0.0, high=1.0):
    return max(low, min(high, value))


def quantile(values, share):
    """The value below which a share of the values lies, straight between two neighbours."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def can_be_met(row):
    """Whether the attendance rule still asks something that can be done."""
    return row["lectures_to_attend"] is not None and (
        0 < row["lectures_to_attend"] <= row["lectures_left"]
    )


# -------------------------------------------------------------------- the components of the risk score
class Components:
    """The parts of the risk score, made again from the stored metrics and from what was due."""

    def __init__(self, college, rows, weeks, name):
        self.college, self.rows, self.weeks, self.name = college, rows, weeks, name
        self.medians = {}

    def of(self, student, week):
        row = self.rows[week][student]
        standing, level, effort = (
            row["risk_of_detention"], row["academic_performance"], row["effort_score"],
        )  # fmt: skip
        median = self.effort_median(row["class_id"], week)
        return {
            "attendance_standing": None if standing is None else standing / 100,
            "academic_level": None
            if level is None
            else clip((PASS_AND_MARGIN - level) / PASS_AND_MARGIN),
            "missed_work": self.missed(student, week),
            "attendance_fall": self.fall(student, week, "weekly_att_pct", 40),
            "effort_level": None
            if effort is None or median is None
            else clip((median - effort) / 40),
            "effort_fall": self.fall(student, week, "effort_score", 30),
            "academic_fall": self.fall(student, week, "academic_performance", 30),
            "platform_silence": self.fall(student, week, "lms_active_days", None),
        }

    def effort_median(self, class_id, week):
        if (class_id, week) not in self.medians:
            known = [
                r["effort_score"]
                for r in self.rows[week].values()
                if r["class_id"] == class_id
                and r["effort_score"] is not None
                and r["effort_coverage"] >= 0.3  # the others are never told, and in no median
            ]
            self.medians[class_id, week] = statistics.median(known) if known else None
        return self.medians[class_id, week]

    def missed(self, student, week):
        row = self.rows[week][student]
        end = self.college.end((row["class_id"], row["semester"]), week)
        recent = [w for w in self.college.teaching if w <= week][-3:]
        items = [item for w in recent for item in self.college.due(student, self.name, w)[1]]
        if not items:
            return None
        return sum(not self.college.is_done(student, item, end) for item in items) / len(items)

    def fall(self, student, week, column, scale):
        row = self.rows[week][student]
        earlier = [self.rows[w].get(student) for w in self.college.teaching if w < week][-4:]
        values = [r[column] for r in earlier if r is not None and r["semester"] == row["semester"]]
        values = [v for v in values if v is not None]
        if len(values) < 2 or row[column] is None:
            return None
        before = math.fsum(values) / len(values)
        return clip((before - row[column]) / (scale or max(before, 1)))


def make_score(components):
    """100 times the weighted mean of the components that are present."""
    present = {name: value for name, value in components.items() if value is not None}
    total = sum(COMPONENTS[name] for name in present)
    if not total:
        return None
    return 100 * math.fsum(COMPONENTS[n] * v for n, v in present.items()) / total


def find_leading(components):
    """The component that adds most to the risk score. Reading: of equal ones the first of the text."""
    points = {n: COMPONENTS[n] * v for n, v in components.items() if v}
    return max(points, key=lambda n: points[n]) if points else None


# -------------------------------------------------------------------- smoothing
def smooth(now, before):
    """Reading: without last week's value this week's counts alone."""
    if now is None or before is None:
        return now
    return NEW * now + OLD * before


class Urgency:
    """One term's urgencies, week by week: whatever of last week counts is remembered."""

    def __init__(self, rows, teaching, watched, model_from):
        self.rows, self.teaching, self.watched = rows, teaching, watched
        self.model_from = model_from  # the first week in which the model ranks, or None
        self.scores, self.logits = defaultdict(dict), defaultdict(dict)

    def ranking(self, week):
        if week <= 3:
            return "watchlist"
        return "model" if self.model_from and week >= self.model_from else "rules"

    def before(self, week):
        earlier = [w for w in self.teaching if w < week]
        return earlier[-1] if earlier else None

    def by_rules(self, student, week, score, remember=True):
        """The risk score, smoothed from week 5 on. Reading: last week's smoothed one is the one that was used."""
        before = self.scores[self.before(week)].get(student) if week >= SMOOTHED_FROM else None
        urgency = smooth(score, before)
        if remember:
            self.scores[week][student] = urgency
        return urgency

    def by_model(self, student, week):
        row = self.rows[week][student]
        chance = row["p_fail"]
        if chance is None:
            return None
        chance = clip(chance, 1e-12, 1 - 1e-12)
        logit = math.log(chance / (1 - chance))
        # Reading: smoothed from the first week with a forecast on, also where it does not rank yet.
        logit = smooth(logit, self.logits[self.before(week)].get(student))
        self.logits[week][student] = logit
        detention = (row["risk_of_detention"] or 0) / 100 if can_be_met(row) else 0
        left = 1 - 1 / (1 + math.exp(-logit))
        return 100 * (1 - left * (1 - DETENTION_WEIGHT * detention))

    def of(self, student, week, score=None, remember=True):
        """The urgency of the week; `score` stands in for the risk score after the second look."""
        score = self.rows[week][student]["risk_score"] if score is None else score
        by_rules = self.by_rules(student, week, score, remember)
        by_model = self.by_model(student, week)
        ranking = self.ranking(week)
        if ranking == "watchlist":
            return self.watched.get(student, by_rules)
        return by_model if ranking == "model" else by_rules


# -------------------------------------------------------------------- the list threshold
def replay(urgencies, cuts, margin):
    """How many student-weeks from week 5 on are listed by urgency and staying alone.

    Reading: week 4 is replayed too, since who is listed then may stay; it is not counted.
    """
    listed, count = set(), 0
    for week in sorted(cuts):
        values = urgencies[week]
        listed = {
            s
            for s, u in values.items()
            if u >= cuts[week] or (s in listed and u > cuts[week] - margin)
        }
        count += len(listed) if week >= SMOOTHED_FROM else 0
    return count


def cut_off(urgencies, teaching, share):
    """The urgency above which a share of those of the weeks around each week lies; weeks before 5 use week 5's.

    Reading: the weeks to either side are teaching weeks from week 5 on.
    """
    weeks = [w for w in teaching if w >= SMOOTHED_FROM and urgencies.get(w)]
    cuts = {}
    for place, week in enumerate(weeks):
        around = weeks[max(place - 1, 0) : place + 2]
        cuts[week] = quantile([u for w in around for u in urgencies[w].values()], 1 - share)
    cuts[SMOOTHED_FROM - 1] = cuts[weeks[0]]
    return cuts


def fit(urgencies, teaching, list_share=0.15, margin=8):
    """The list threshold of each week, from the urgencies of a completed term by week and student.

    Reading: the largest share cut off that lists no more than `list_share`.
    """
    known = {
        w: {s: u for s, u in values.items() if u is not None} for w, values in urgencies.items()
    }
    scored = sum(len(values) for w, values in known.items() if w >= SMOOTHED_FROM)
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        cuts = cut_off(known, teaching, middle)
        if replay(known, cuts, margin) <= list_share * scored:
            low = middle
        else:
            high = middle
    return cut_off(known, teaching, low)
