"""Reasons for the students on the list: records {code, topic, text, value, baseline, points}.

They are facts of four kinds, in the order of the kinds, strongest first within a kind, whatever
ranked the list. Points are what a fact adds to the risk score.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from edumetrics.fields.reasons import COMPONENTS, KINDS, REASONS, RULES
from edumetrics.scoring.effort import hide_thin_effort
from edumetrics.scoring.risk import count_missed_work
from edumetrics.sentences import SHORT
from edumetrics.triage import evidence, rules, work_by_name
from edumetrics.triage.choice import SHOWN, Record, get_kind
from edumetrics.triage.flags import ListDecision
from edumetrics.triage.situation import Situation

# How many teaching weeks ahead it is told when the attendance rule goes out of reach.
NEAR = 4
# From this chance on, percent, the attendance rule is in danger. Nobody is warned of less: most who
# attend as they did will meet it.
IN_DANGER_PCT = 25


class ReasonBuilder:
    """Builds the reasons of students on the list, one student at a time.

    The columns are computed once for all; `n` is a student's position on the list, from 0.
    """

    def __init__(
        self,
        situation: Situation,
        decision: ListDecision,
        row: np.ndarray,
        missing: list[list[work_by_name.Item]],
    ) -> None:
        self.situation, self.decision, self.row = situation, decision, row
        self.sentences, self.missing = situation.sentences, missing
        self.error = situation.triage.reading_error
        scored = situation.scored
        # Records, because a look-up in a frame for every student and column is slow.
        told = hide_thin_effort(scored.metrics, situation.scoring)
        self.metrics = told.iloc[row].to_dict("records")
        self.points = {name: values[row] for name, values in decision.points.items()}
        self.baseline = {name: values[row] for name, values in scored.baseline.items()}
        self.weeks = evidence.find_baseline_weeks(situation, scored.metrics["student_id"].iloc[row])
        self.rules = {name: _take(rules.BY_NAME[name].measure(situation), row) for name in RULES}
        self.lectures = _take(evidence.measure_lectures(situation), row)
        self.deadline = _take(evidence.measure_deadline(situation), row)
        self.pace = evidence.measure_pace(situation)[row]
        missed, due = count_missed_work(scored.observed, situation.calendar, situation.scoring)
        self.missed, self.due = missed[row], due[row]
        now = [part.due[row, situation.week] for part in scored.observed.work]
        done = [part.done[row, situation.week] for part in scored.observed.work]
        self.due_now, self.done_now = np.sum(now, axis=0), np.sum(done, axis=0)
        self.last_sign = evidence.find_last_sign(situation)[row]
        self.witnessed = evidence.find_witnessed(situation)[row]
        self.went_out = _find_newly_out(situation)[row]
        self.results = self._collect_results()
        self.watched = situation.memory.watchlist.set_index("student_id")["reasons"].to_dict()

    def build_records(self, n: int) -> list[Record]:
        """Return the reasons of a student, by kind and strongest first.

        For someone on the list there is always one that can be acted on, or one that says so.
        """
        found = [
            *self._describe_rules(n),
            *self._describe_changes(n),
            *self._describe_levels(n),
            *self._describe_work(n),
            *self._describe_ahead(n),
            *self._describe_results(n),
        ]
        said = {code for record in found for code in REASONS[record["code"]].covers}
        found = [record for record in found if record["code"] not in said]
        found.sort(key=_get_place)
        if self.decision.listed_by[self.row[n]] == "watchlist":
            return [*self._describe_watchlist(n), *found]
        if not self.decision.on_list[self.row[n]]:
            return found
        if all(get_kind(record) == KINDS[-1] for record in found):
            return self._begin_with_results(found)
        return found

    def _begin_with_results(self, found: list[Record]) -> list[Record]:
        """Return the reasons of someone with nothing new: the first says so plainly."""
        if not found:
            return [self._make_record("results_only", fact="")]
        first = found[0]
        said: Record = {
            name: self.sentences.say("reasons", "results_only", fact=first[name])
            for name in ("text", "short")
            if name in first
        }
        return [{**first, **said}, *found[1:]]

    def format_paragraph(self, records: list[Record]) -> str:
        """Return the first reasons as one paragraph."""
        return " ".join(record["text"] for record in records[:SHOWN])

    def _make_record(
        self,
        code: str,
        value: float | None = None,
        baseline: float | None = None,
        points: float = 0.0,
        **more: Any,
    ) -> Record:
        """Return a record; `more` are further numbers and words of its sentence."""
        values = {"value": value, "baseline": baseline, **more}
        # A sentence is filled in with numbers; what is not known it does not mention.
        known = {name: 0 if pd.isna(v) else v for name, v in values.items()}
        short = {"short": self.sentences.say("short", code, **known)} if code in SHORT else {}
        return {
            "code": code,
            "topic": REASONS[code].topic,
            "text": self.sentences.say("reasons", code, **known),
            **short,
            "value": _convert_number(value),
            "baseline": _convert_number(baseline),
            "points": float(points),
        }

    def _describe_rules(self, n: int) -> Iterator[Record]:
        """Yield the news that lists the student."""
        for name in RULES:
            if self.decision.news.since[name][self.row[n]]:
                numbers = {word: values[n] for word, values in self.rules[name].items()}
                # A rule adds what the component adds that it stands for.
                added = [
                    self.points[code][n] for code in REASONS[name].covers if code in COMPONENTS
                ]
                yield self._make_record(name, points=sum(added), **numbers)

    def _describe_changes(self, n: int) -> Iterator[Record]:
        """Yield what is worse than in the student's own weeks before, by more than misreading."""
        if self.went_out[n]:
            mine = self.metrics[n]
            yield self._make_record(
                "out_of_reach", mine["lectures_attended"], mine["lectures_held"],
                left=mine["lectures_left"], rule=self.deadline["rule"][n],
            )  # fmt: skip
        fell = self.lectures["usual"][n] - self.metrics[n]["weekly_att_pct"]
        # Without weeks before the last one, the level says what there is to say.
        if self.points["attendance_fall"][n] > 0 and fell >= self.error and self._lost_lecture(n):
            numbers = {word: values[n] for word, values in self.lectures.items()}
            points = self.points["attendance_fall"][n]
            yield self._make_record("attendance_fall", points=points, **numbers)
        for code in ("academic_fall", "effort_fall", "platform_silence"):
            metric = REASONS[code].metric
            now, before = self.metrics[n][metric], self.baseline[metric][n]
            least = 1 if code == "platform_silence" else self.error
            if self.points[code][n] > 0 and before - now >= least:
                weeks = self.sentences.name_weeks(self.weeks[metric][n])
                yield self._make_record(code, now, before, self.points[code][n], weeks=weeks)

    def _lost_lecture(self, n: int) -> bool:
        """Return whether the student attended a lecture less than the share before stands for."""
        usual = self.lectures["usual"][n] * self.lectures["baseline"][n] / 100
        return bool(usual - self.lectures["value"][n] >= 1)

    def _describe_levels(self, n: int) -> Iterator[Record]:
        """Yield what is bad in itself this week, in every week in which it holds."""
        attended, held = self.lectures["value"][n], self.lectures["baseline"][n]
        if held and 2 * attended < held:
            numbers = {name: self.lectures[name][n] for name in ("last_attended", "last_held")}
            points = self.points["attendance_fall"][n]
            yield self._make_record("attendance_low", attended, held, points, **numbers)
        if self.due_now[n] and not self.done_now[n]:
            yield self._make_record("nothing_handed_in", self.due_now[n])
        # Where lectures were held or work was due, the two above have said it.
        silent = not held and not self.due_now[n] and self.last_sign[n] < self.situation.week
        if silent and self.witnessed[n]:
            last = int(self.last_sign[n])
            weeks = self.sentences.name_weeks((last,)) if last else ""
            yield self._make_record("no_activity", weeks=weeks)

    def _describe_work(self, n: int) -> Iterator[Record]:
        """Yield the work that is not in: by name where the items are known, else counted."""
        points = self.points["missed_work"][n]
        if self.missing[n]:
            told = work_by_name.describe_items(self.sentences, self.missing[n])
            record = self._make_record(
                "missed_work", len(self.missing[n]), self.due[n], points, **told
            )
            items = [item.as_json(self.sentences) for item in self.missing[n]]
            yield {**record, "names": told["names"], "items": items}
        elif self.missed[n]:
            window = self.situation.calendar.get_last_teaching_weeks(
                self.situation.week, self.situation.scoring.missed_work_weeks
            )
            yield self._make_record(
                "missed_work_counts", self.missed[n], self.due[n], points, weeks=len(window)
            )

    def _describe_ahead(self, n: int) -> Iterator[Record]:
        """Yield what can still be done about the attendance rule, where it is in danger."""
        mine, points = self.metrics[n], self.points["attendance_standing"][n]
        numbers = {word: values[n] for word, values in self.deadline.items()}
        if not (numbers["rule"] and 0 < numbers["needed"] <= numbers["baseline"]):
            return
        week = self._find_week_out_of_reach(n)
        if week is not None:
            yield self._make_record(
                "out_of_reach_week", week, mine["lectures_can_miss"], points,
                left=numbers["baseline"], rule=numbers["rule"],
            )  # fmt: skip
        elif mine["risk_of_detention"] >= IN_DANGER_PCT:
            yield self._make_record("attendance_standing", points=points, **numbers)

    def _find_week_out_of_reach(self, n: int) -> int | None:
        """Return the teaching week in which the attendance rule goes out of reach at this pace.

        It is the first week by whose end more lectures are missed than can be missed, at the pace
        of the last weeks. None where it is not one of the next `NEAR` teaching weeks.
        """
        # Integers only, so that rounding never moves the week.
        mine, (missed, _, weeks) = self.metrics[n], self.pace[n]
        if not missed:
            return None
        # Halves may have been missed.
        ahead = int(mine["lectures_can_miss"] * weeks // missed)
        following = self.situation.calendar.get_next_teaching_weeks(self.situation.week)[:NEAR]
        return following[ahead] if ahead < len(following) else None

    def _collect_results(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return by code, for each student on the list: the result, and the class's median."""
        metrics = hide_thin_effort(self.situation.scored.metrics, self.situation.scoring)
        earlier = self.situation.prior_mean.set_index("student_id")["prior_mean"]
        values = {
            "academic_level": metrics["academic_performance"],
            "midterm_level": metrics["midterm_score_pct"],
            "earlier_level": earlier.reindex(self.situation.students).reset_index(drop=True),
            "effort_level": metrics["effort_score"],
        }
        found = {}
        for code, column in values.items():
            own = column.to_numpy("float64", na_value=np.nan)
            medians = evidence.compute_class_medians(self.situation, own)
            found[code] = (own[self.row], medians[self.row])
        return found

    def _describe_results(self, n: int) -> Iterator[Record]:
        """Yield results that are known and stay, where they are clearly below the class's."""
        mine, rule = self.metrics[n], self.deadline["rule"][n]
        if rule and mine["lectures_to_attend"] > mine["lectures_left"] and not self.went_out[n]:
            yield self._make_record(
                "attendance_out_of_reach", mine["lectures_attended"], mine["lectures_held"],
                self.points["attendance_standing"][n], left=mine["lectures_left"], rule=rule,
            )  # fmt: skip
        window = self.situation.calendar.get_last_teaching_weeks(
            self.situation.week, len(self.situation.scoring.academic_weights)
        )
        # Nobody leaves the list without a word on a mark that is too low, whatever the class has.
        failing = not self.decision.on_list[self.row[n]] and (
            mine["academic_performance"] < self.situation.scoring.pass_mark
        )
        for code, (own, usual) in self.results.items():
            known = usual[n] - own[n] >= self.error
            if known or (code == "academic_level" and failing and not np.isnan(usual[n])):
                points = self.points[code][n] if code in self.points else 0.0
                yield self._make_record(code, own[n], usual[n], points, weeks=len(window))

    def _describe_watchlist(self, n: int) -> Iterator[Record]:
        """Yield why the watchlist has the student: that it does, and the results behind it."""
        yield self._make_record("watchlist")
        records = self.watched.get(self.metrics[n]["student_id"], [])
        for record in [record for record in records if record["points"] > 0][:1]:
            yield {"topic": REASONS[record["code"]].topic, **record}


def _get_place(record: Record) -> tuple[int, bool, bool, float]:
    """Return by what reasons are ordered: kind, news, what is new before levels, and points."""
    about = REASONS[record["code"]]
    return KINDS.index(about.kind), not about.rule, about.level, -record["points"]


def _find_newly_out(situation: Situation) -> np.ndarray:
    """Return for whom the attendance rule went out of reach this week.

    Where last week is not known, nobody can say that it happened since.
    """
    needed, left = (
        situation.get_last_metric(name) for name in ("lectures_to_attend", "lectures_left")
    )
    # NaN compares as False.
    return rules.is_out_of_reach(situation.scored.metrics) & (needed <= left)


def _take(measured: evidence.Measured, row: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[row] for name, values in measured.items()}


def _convert_number(value: float | None) -> float | None:
    """Return a number as JSON stores it: None for a missing one, an int where it is whole."""
    # NumPy's integers cannot be written as JSON, and NaN is not valid JSON.
    if value is None or pd.isna(value):
        return None
    return int(value) if float(value).is_integer() else float(value)
