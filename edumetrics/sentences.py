"""The sentences that people read: one catalogue, `params/sentences.yml`.

An analyst can edit or translate the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from string import Formatter
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator


def _split_names(sentences: dict[str, str]) -> dict[str, frozenset[str]]:
    """Return the names that each sentence may use, split at blanks."""
    return {name: frozenset(words.split()) for name, words in sentences.items()}


# The names that each sentence may use. The catalogue must have exactly the sentences listed here:
# a typing error in an edited file is then found before the run, not in a mail.
REASONS = _split_names(
    {
        "low_attendance": "value baseline",
        "low_attendance_last_week": "value baseline week",
        "no_work": "value baseline",
        "no_work_last_week": "value baseline week",
        "out_of_reach": "value baseline left rule",
        "out_of_reach_last_week": "value baseline week rule",
        "similarity": "value baseline",
        "similarity_last_week": "value baseline week",
        "attendance_standing": "value baseline needed rule",
        "attendance_out_of_reach": "value baseline left rule",
        "attendance_met": "value baseline rule",
        "academic_level": "value baseline weeks",
        "academic_level_alone": "value weeks",
        "missed_work": "value baseline weeks",
        "missed_work_all": "value baseline weeks",
        "missed_work_only": "value baseline weeks",
        "attendance_fall": "value baseline weeks",
        "effort_level": "value baseline",
        "effort_fall": "value baseline weeks",
        "academic_fall": "value baseline weeks",
        "platform_silence": "value baseline weeks",
        "forecast": "value",
        "forecast_drift": "value",
        "forecast_marks": "value baseline",
        "forecast_work": "value baseline",
        "forecast_promptness": "value baseline",
        "forecast_attendance": "value baseline",
        "forecast_activity": "value baseline",
        "forecast_midterm": "value baseline",
        "forecast_earlier": "value baseline",
        "history_exam_avg_hist": "value baseline",
        "history_att_rate_hist": "value baseline",
        "history_assn_rate_hist": "value baseline",
        "history_max_plagiarism": "value baseline",
        "history_escalation_level": "value baseline",
        "history_hard_subject_count": "value baseline",
        "watchlist": "",
        "early_signal": "value",
        "weeks_on_list": "value baseline",
        "raised": "value baseline",
        "returned": "value",
        "since_attendance": "value baseline week",
        "since_marks": "value baseline week",
        "since_activity": "value baseline week",
        "since_nothing": "week",
        "out_of_reach_week": "value missed held weeks rule",
        "open_work": "value weeks",
        "midterm": "value baseline",
        "endterm": "value baseline",
    }
)
# Sentences about a student who left the list.
IMPROVED = _split_names(
    {
        "attendance": "attended held attended_before held_before week",
        "marks": "value baseline week",
        "activity": "value baseline week",
        "work": "value baseline",
        "nothing": "",
        "off_roll": "",
    }
)
# What a student can do to leave the list; most of them complete one sentence.
OFF_LIST = _split_names(
    {
        "attend": "lectures week",
        "attend_all": "week",
        "hand_in": "items open",
        "hand_in_all": "open",
        "do_work": "week",
        "both": "first second",
        "nothing": "",
        "none": "",
        "one_more_week": "week",
        "last_list": "",
    }
)
# Formats for numbers that are not rounded to a whole number.
SPECS = {"exact": "{:g}", "tenth": "{:.1f}"}
# Findings are about a class. They have one set of names, because they all state a share.
FINDINGS = frozenset({"students", "size", "share"})


class Sentences(BaseModel):
    """`sentences.yml`: every sentence of the lists, by the code of what it says.

    In a sentence, `{value}` is a number and `{value:lecture|lectures}` the word that goes with it.
    `{value:words}` is the number in words, up to the last entry of `numbers`. `{value:Words}` is
    the same with a capital. `{value:tenth}` has one decimal, and `{value:exact}` is not rounded to
    a whole number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    numbers: tuple[str, ...]
    week: str
    weeks: str
    # `and` is a keyword of Python, so the key in the file has an underscore too.
    and_: str
    reasons: dict[str, str]
    improved: dict[str, str]
    off_list: dict[str, str]
    findings: dict[str, str]

    @model_validator(mode="after")
    def _check_complete(self) -> Self:
        # The catalogue itself decides which findings exist; only their names are checked.
        findings = dict.fromkeys(self.findings, FINDINGS)
        for part, known in (
            ("reasons", REASONS),
            ("improved", IMPROVED),
            ("off_list", OFF_LIST),
            ("findings", findings),
        ):
            given: Mapping[str, str] = getattr(self, part)
            # Sets have no order: sorting makes the first error the same in every run.
            for name in sorted(known.keys() ^ given.keys()):
                raise ValueError(
                    f"{part}.{name} is {'missing' if name in known else 'not a known sentence'}"
                )
            for name, sentence in given.items():
                strange = _parse_placeholders(sentence, f"{part}.{name}") - known[name]
                if strange:
                    raise ValueError(
                        f"{part}.{name} uses {{{min(strange)}}}, which this sentence does not have"
                    )
        return self

    def say(self, sentence: str, **values: Any) -> str:
        """Return a sentence with its numbers filled in."""
        return "".join(
            text + (self._format_value(values[name], spec) if name else "")
            for text, name, spec in _parse_sentence(sentence)
        )

    def _format_value(self, value: float | str, spec: str) -> str:
        if isinstance(value, str):
            return value
        if spec in SPECS:
            return SPECS[spec].format(value)
        number = round(value)
        if "|" in spec:
            # False is 0 and True is 1: every number but 1 takes the second form.
            return spec.split("|")[number != 1]
        if spec and 0 <= number < len(self.numbers):
            # `capitalize` would also change the rest of the word to lower case.
            word = self.numbers[number]
            return word[0].upper() + word[1:] if spec == "Words" else word
        return str(number)

    def name_weeks(self, weeks: tuple[int, ...]) -> str:
        """Return weeks as people name them, such as "week 5", "weeks 3-6" or "weeks 5-7 and 9".

        `weeks` holds at least one week, in any order.
        """
        # The cache needs arguments with a hash: this model holds dicts, so it has none.
        return _format_weeks(tuple(sorted(weeks)), self.week, self.weeks, self.and_)


# A few sentences are filled in for very many students: each is parsed once.
@lru_cache(maxsize=1024)
def _parse_sentence(sentence: str) -> tuple[tuple[str, str | None, str], ...]:
    """Return a sentence as parts: text, the name to fill in after it (or None), and its format."""
    # A text at the end has neither name nor format: `parse` returns None for both.
    return tuple((text, name, spec or "") for text, name, spec, _ in Formatter().parse(sentence))


def _parse_placeholders(sentence: str, where: str) -> set[str]:
    """Return the names in a sentence; raise ValueError, with `where`, if one is malformed."""
    try:
        parsed = _parse_sentence(sentence)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    for _, name, spec in parsed:
        # The empty alternative allows a name without a format.
        if name is not None and not re.fullmatch(r"|words|Words|exact|tenth|[^|]+\|[^|]+", spec):
            raise ValueError(
                f"{where}: {{{name}:{spec}}} is not one of words, Words, exact, tenth "
                "or two forms of a word"
            )
    return {name for _, name, _ in parsed if name is not None}


@lru_cache(maxsize=1024)
def _format_weeks(weeks: tuple[int, ...], one: str, many: str, and_: str) -> str:
    # Each run is a list of consecutive weeks.
    runs: list[list[int]] = []
    for week in weeks:
        if runs and week == runs[-1][-1] + 1:
            runs[-1].append(week)
        else:
            runs.append([week])
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    listed = f"{', '.join(parts[:-1])} {and_} {parts[-1]}" if len(parts) > 1 else parts[0]
    return f"{one if len(weeks) == 1 else many} {listed}"
