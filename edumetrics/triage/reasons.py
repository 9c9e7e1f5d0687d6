"""Reasons for the students on the list: records {code, text, value, baseline, points}.

The strongest reason comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from edumetrics.fields.reasons import COMPONENTS, KINDS, LAST_WEEK, REASONS, RULES
from edumetrics.scoring.risk import count_missed_work
from edumetrics.sentences import Sentences
from edumetrics.triage import evidence, rules
from edumetrics.triage.flags import RAISED, ListDecision
from edumetrics.triage.situation import Situation
from edumetrics.types import Row

Record = dict[str, Any]
# The paragraph gives at most this many reasons, so that it stays short.
SHOWN = 3
# Where the model ranks: the components of the risk score that describe each of its topics. Their
# sentences are more specific than the topic's own.
COMPONENTS_OF: dict[str, tuple[str, ...]] = {
    topic: tuple(code for code in COMPONENTS if REASONS[code].topic == topic)
    for topic in {record.topic for record in REASONS.values()}
}
# The least that a heading must add to the log-odds to become a reason.
WORTH_TELLING = 0.2


class ReasonBuilder:
    """Builds the reasons of students on the list, one student at a time.

    The columns are computed once for all; `n` is a student's position on the list, from 0.
    """

    def __init__(self, situation: Situation, standing: ListDecision, flags: pd.DataFrame) -> None:
        self.situation, self.standing, self.flags = situation, standing, flags
        self.sentences, self.scoring, self.calendar = (
            situation.sentences,
            situation.scoring,
            situation.calendar,
        )
        # Arrays of the situation are aligned with the roll: `[row]` aligns them with the list.
        row = self.rows = flags["row"].to_numpy()
        scored = situation.scored
        pct = situation.calendar.attendance_rule_pct
        # As sentences have it; empty without a rule.
        self.rule = "" if pct is None else f"{pct:g}"
        # Records, because a look-up in a frame for every student and column is slow.
        self.metrics = scored.metrics.iloc[row].to_dict("records")
        self.listed = flags.to_dict("records")
        self.points = {name: values[row] for name, values in standing.points.items()}
        self.baseline = {name: values[row] for name, values in scored.baseline.items()}
        self.peers_effort = scored.peers.effort[row]
        self.class_marks = evidence.compute_class_marks(situation)[row]
        missed, due = count_missed_work(scored.observed, self.calendar, self.scoring)
        self.missed, self.due = missed[row], due[row]
        self.open = rules.count_open_assignments(situation, scored.observed)[row]
        limits = situation.triage.rules
        self.ruled = {name: rules.BY_NAME[name].measure(scored, limits) for name in RULES}
        self.weeks = evidence.find_baseline_weeks(situation, flags["student_id"])
        self.pace = evidence.measure_pace(situation)[row]
        self.watched = situation.is_in(situation.memory.watchlist)[row]
        self.before = evidence.get_last_metrics(situation, flags["student_id"])
        # A held rule repeats the numbers that last week's reason gave.
        last = situation.memory.last.set_index("student_id")["reasons"].to_dict()
        model = situation.model
        self.topics = {} if model is None else model.explain_topics(row)
        self.told = (
            {}
            if model is None
            else {name: (own[row], peers[row]) for name, (own, peers) in model.told.items()}
        )
        self.chance = None if model is None else model.chance[row]
        self.said = [
            {record["code"]: record for record in last.get(s, [])} for s in flags["student_id"]
        ]

    def build_records(self, n: int) -> list[Record]:
        """Return the records of a student: rules, then what weighs most, then what is ahead."""
        # The forecast gives its own points, by heading; else the points are those of the risk
        # score.
        weighed = sorted(
            self._describe_components(n) if self.chance is None else self._describe_headings(n),
            key=lambda record: -record["points"],
        )
        return [
            *self._describe_rules(n),
            *weighed,
            *self._describe_forecast(n),
            *self._describe_list_history(n),
            *self._describe_coming_weeks(n),
        ]

    def format_paragraph(self, records: list[Record], off_list: str | None) -> str:
        """Return the top reasons as one paragraph.

        Where no step takes the student off the list (`off_list` is None), a sentence says so.
        """
        texts = [record["text"] for record in select_reasons(records, SHOWN)]
        kind = describe_no_step(self.sentences, records, self.situation.next_week)
        return " ".join(texts if off_list else [*texts, kind])

    def _make_record(
        self,
        code: str,
        value: float,
        baseline: float | None = None,
        points: float = 0.0,
        **more: Any,
    ) -> Record:
        """Return a record; `more` are further numbers and words of its sentence."""
        values = {"value": value, "baseline": baseline, **more}
        text = self.sentences.say(
            "reasons", code, **{name: 0 if v is None else v for name, v in values.items()}
        )
        return {
            "code": code,
            "text": text,
            "value": _convert_number(value),
            "baseline": _convert_number(baseline),
            "points": points,
        }

    def _describe_rules(self, n: int) -> Iterator[Record]:
        # A rule adds nothing to the score: it gets the points of the tier that it leads to.
        high, row = self.situation.triage.high, self.rows[n]
        for name in RULES:
            if self.standing.fired[name][row]:
                numbers = {word: float(values[row]) for word, values in self.ruled[name].items()}
                yield self._make_record(name, points=high, rule=self.rule, **numbers)
            elif self.standing.held[name][row]:
                # This week's numbers no longer meet the rule: the sentence names last week and its
                # numbers.
                said = self.said[n][name]
                yield self._make_record(
                    name + LAST_WEEK, said["value"], said["baseline"], high,
                    week=self.situation.last_week, rule=self.rule,
                )  # fmt: skip

    def _describe_components(self, n: int) -> Iterator[Record]:
        for name, values in self.points.items():
            points = float(values[n])
            if points >= self.situation.triage.reason_points:
                yield {**self._describe_component(name, n), "points": points}

    def _describe_headings(self, n: int) -> Iterator[Record]:
        """Yield a record for each heading that raises the forecast, then the components left over.

        The components left over are those that only the rules see; they have no points.
        """
        components = {name: float(self.points[name][n]) for name in self.points}
        # A list, in the order of the table: equal points must not change places from run to run.
        seen = [
            name
            for name, points in components.items()
            if points >= self.situation.triage.reason_points
        ]
        for topic, added in self.topics.items():
            points = float(added[n])
            if points < WORTH_TELLING:
                continue
            mine = [name for name in seen if name in COMPONENTS_OF.get(topic, ())]
            known = sorted(mine, key=lambda name: -components[name])
            if known:
                # Removed, so that a component is not given twice.
                seen.remove(known[0])
                yield {**self._describe_component(known[0], n), "points": points}
            # What the class shares cannot be seen in the student's number, so it is not a reason.
            elif self._is_worse_than_class(topic, n):
                value, baseline = (float(values[n]) for values in self.told[topic])
                yield self._make_record(f"forecast_{topic}", value, baseline, points)
        for name in sorted(seen, key=lambda name: -components[name]):
            yield self._describe_component(name, n)

    def _is_worse_than_class(self, topic: str, n: int) -> bool:
        value, baseline = (float(values[n]) for values in self.told[topic])
        record = REASONS[f"forecast_{topic}"]
        # A comparison with a missing value (NaN) is False.
        gap = value - baseline if record.worse == "above" else baseline - value
        return gap >= record.apart

    def _describe_forecast(self, n: int) -> Iterator[Record]:
        """Yield the sentence about the chance of failing or leaving, where the model ranks."""
        if self.chance is not None:
            drifted = self.situation.model is not None and self.situation.model.drifted
            yield self._make_record(
                "forecast_drift" if drifted else "forecast", 100 * float(self.chance[n])
            )

    def _describe_component(self, name: str, n: int) -> Record:
        """Return the record of a component of the risk score, without its points."""
        mine = self.metrics[n]
        if name == "attendance_standing":
            return self._describe_attendance(n)
        if name == "academic_level":
            return self._describe_marks(n)
        if name == "missed_work":
            missed, due = self.missed[n], self.due[n]
            # "None of the 1 items" is no sentence: one item and all items have texts of their own.
            variant = (
                name if missed < due else "missed_work_only" if due == 1 else "missed_work_all"
            )
            return self._make_record(
                variant, missed, due, weeks=self._count_recent_weeks(self.scoring.missed_work_weeks)
            )
        if name == "effort_level":
            return self._make_record(name, mine["effort_score"], self.peers_effort[n])
        metric = REASONS[name].metric
        weeks = self.sentences.name_weeks(self.weeks[metric][n])
        return self._make_record(name, mine[metric], self.baseline[metric][n], weeks=weeks)

    def _describe_attendance(self, n: int) -> Record:
        mine, rule = self.metrics[n], self.rule
        left, needed = mine["lectures_left"], mine["lectures_to_attend"]
        if needed > left:
            held = mine["lectures_held"]
            return self._make_record(
                "attendance_out_of_reach", mine["lectures_attended"], held, left=left, rule=rule
            )
        name = "attendance_standing" if needed > 0 else "attendance_met"
        return self._make_record(name, mine["lectures_can_miss"], left, needed=needed, rule=rule)

    def _count_recent_weeks(self, weeks: int) -> int:
        """Return how many of the last `weeks` teaching weeks exist: fewer early in a semester."""
        return len(self.calendar.get_last_teaching_weeks(self.situation.week, weeks))

    def _describe_marks(self, n: int) -> Record:
        """Return the record of the student's average mark, beside the class's where it has one."""
        mine = self.metrics[n]["academic_performance"]
        weeks = self._count_recent_weeks(len(self.scoring.academic_weights))
        if np.isnan(self.class_marks[n]):
            return self._make_record("academic_level_alone", mine, weeks=weeks)
        return self._make_record("academic_level", mine, self.class_marks[n], weeks=weeks)

    def _describe_list_history(self, n: int) -> Iterator[Record]:
        situation, listed = self.situation, self.listed[n]
        if situation.is_in_grace(situation.week):
            if self.watched[n]:
                yield self._make_record("watchlist", situation.week)
            yield self._make_record("early_signal", situation.week)
        level = listed["escalation_level"]
        if level > 1:
            since = situation.calendar.get_last_teaching_weeks(situation.week, level)[-1]
            raised = self.standing.raised[listed["row"]]
            yield self._make_record(RAISED if raised else "weeks_on_list", level, since)
        if listed["status"] == "returned":
            yield self._make_record("returned", listed["first_flagged_week"])
        before = self.before[n]
        if before is not None:
            yield self._describe_change(n, before)

    def _describe_change(self, n: int, before: Row) -> Record:
        """Return the record of what changed most since last week; `before` are its metrics."""
        now, last = self.metrics[n], self.situation.last_week
        found = evidence.measure_changes(now, before)
        if not found:
            return self._make_record("since_nothing", last, week=last)
        name = max(found, key=lambda key: abs(found[key]))
        metric = evidence.CHANGES[name][0]
        return self._make_record(f"since_{name}", now[metric], before[metric], week=last)

    def _describe_coming_weeks(self, n: int) -> Iterator[Record]:
        """Yield the records of what is ahead: the attendance rule, open work and the next exam."""
        mine, rule = self.metrics[n], self.rule
        weighs = self.points["attendance_standing"][n] >= self.situation.triage.reason_points
        if mine["lectures_left"] > 0 and self.rule:
            # Where the attendance rule adds points, its record is among the components already.
            if not weighs:
                yield self._describe_attendance(n)
            week = self._find_week_out_of_reach(n)
            if week is not None:
                missed, held, weeks = self.pace[n]
                yield self._make_record(
                    "out_of_reach_week",
                    week,
                    mine["lectures_can_miss"],
                    missed=missed,
                    held=held,
                    weeks=weeks,
                    rule=rule,
                )
        if self.open[n]:
            yield self._make_record(
                "open_work",
                self.open[n],
                weeks=self._count_recent_weeks(self.scoring.missed_work_weeks),
            )
        for name, exam in (
            ("midterm", self.calendar.midterm_week),
            ("endterm", self.calendar.endterm_week),
        ):
            if exam is not None and exam > self.situation.week:
                yield self._make_record(name, exam - self.situation.week, exam)
                break

    def _find_week_out_of_reach(self, n: int) -> int | None:
        """Return the teaching week in which the attendance rule goes out of reach at this pace.

        It is the first week by whose end more lectures are missed than can be missed, at the pace
        of the last weeks. None where the rule stays in reach, or is out of reach already.
        """
        # Integers only, so that rounding never moves the week.
        mine, (missed, _, weeks) = self.metrics[n], self.pace[n]
        if not missed or mine["lectures_to_attend"] > mine["lectures_left"]:
            return None
        ahead = int(mine["lectures_can_miss"]) * int(weeks) // int(missed)
        later = self.calendar.get_next_teaching_weeks(self.situation.week)
        return later[ahead] if ahead < len(later) else None


def choose_facts(records: list[Record], count: int) -> list[Record]:
    """Return the facts that a card tells, at most `count`, in the order of their kinds.

    The strongest of each of the kinds changed, unfinished and ahead that has one comes first; what
    places are left go to the next strongest, lowest kind first, and then to the background.

    Args:
        records: the reasons of a student as they are stored: by kind, strongest first.
        count: how many facts there is room for.
    """
    kinds = {kind: [r for r in records if REASONS[r["code"]].kind == kind] for kind in KINDS}
    background = kinds.pop("background")
    first = [found[0] for found in kinds.values() if found]
    rest = [record for found in kinds.values() for record in found[1:]]
    # What only introduces the background would be untrue beside a fact of this term.
    known = [r for r in background if not first or r["code"] != "results_only"]
    told = [*first, *rest, *known][:count]
    return sorted(told, key=lambda record: KINDS.index(REASONS[record["code"]].kind))


def select_reasons(records: list[Record], count: int) -> list[Record]:
    """Return the first `count` reasons that are worth reading, and no fact twice.

    Where any reason has points, reasons without points are left out.
    """
    weighed = [record for record in records if record["points"] > 0] or records
    told: list[Record] = []
    for record in weighed:
        says = REASONS[record["code"]].says
        if not says or all(REASONS[other["code"]].says != says for other in told):
            told.append(record)
    return told[:count]


def describe_no_step(sentences: Sentences, records: list[Record], next_week: int | None) -> str:
    """Return the sentence for a student whom no step takes off the next list.

    Args:
        sentences: the texts.
        records: the student's reasons.
        next_week: the next teaching week; None where this week's list is the last.
    """
    if next_week is None:
        return sentences.off_list["last_list"]
    # A rule of this week holds for one more week whatever happens: the sentence names the real
    # cause.
    ruled = any(record["code"] in RULES for record in records)
    return sentences.say("off_list", "one_more_week" if ruled else "none", week=next_week)


def _convert_number(value: float | None) -> float | None:
    """Return a number as JSON stores it: None for a missing one, an int where it is whole."""
    # NumPy's integers cannot be written as JSON, and NaN is not valid JSON.
    if value is None or np.isnan(value):
        return None
    return int(value) if float(value).is_integer() else float(value)
