"""Reasons of a forecast as sentences: records {code, text, value, baseline, points}."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edumetrics.fields.reasons import REASONS
from edumetrics.scoring.signals import Floats
from edumetrics.sentences import Sentences
from edumetrics.triage.choice import Record

# As many as on lists by the rules (`triage.reasons.SHOWN`).
SHOWN = 3
# By heading: each student's value, and what it is compared with.
TopicValues = Mapping[str, tuple[Floats, Floats]]


def build_records(
    sentences: Sentences,
    prefix: str,
    added: Mapping[str, Floats],
    told: TopicValues,
    *,
    worse_adds: bool,
    least: float,
) -> list[list[Record]]:
    """Return the strongest reasons of every student.

    A reason is given only if its number differs from the class's in the direction of its points:
    a reader must be able to see the reason in the number.

    Args:
        sentences: the catalogue; the code of a heading's sentence is `prefix` and its name.
        prefix: how the codes begin.
        added: by heading, what it adds to each student's forecast.
        told: by heading, each student's value and what it is compared with.
        worse_adds: whether a worse value adds (to a chance of failing) or takes away (from a
            score).
        least: reasons with fewer points than this are left out.

    Returns:
        For each student, at most `SHOWN` records, strongest first.
    """
    names = list(added)
    points = np.array([added[name] for name in names])
    values, usual = (np.array([told[name][n] for name in names]) for n in (0, 1))
    above = np.array([REASONS[prefix + name].worse == "above" for name in names])[:, None]
    least_apart = np.array([REASONS[prefix + name].apart for name in names])[:, None]
    gap = np.where(above, values - usual, usual - values)
    worse, better = gap >= least_apart, gap <= -least_apart
    # A missing value compares as False on both sides, so it never gives a reason.
    seen = np.where((points > 0) == worse_adds, worse, better) & (np.abs(points) >= least)
    # Reasons that are left out sort last: -1 is below any number of points.
    order = np.argsort(-np.where(seen, np.abs(points), -1), axis=0, kind="stable")
    found: list[list[Record]] = []
    for n in range(points.shape[1]):
        chosen = [place for place in order[:SHOWN, n] if seen[place, n]]
        found.append(
            [
                _build_record(
                    sentences,
                    prefix + names[place],
                    values[place, n],
                    usual[place, n],
                    points[place, n],
                )
                for place in chosen
            ]
        )
    return found


def _build_record(
    sentences: Sentences, code: str, value: float, baseline: float, points: float
) -> Record:
    text = sentences.say("reasons", code, value=value, baseline=baseline)
    # Plain floats, because the records are stored as JSON.
    return {
        "code": code,
        "topic": REASONS[code].topic,
        "text": text,
        "value": float(value),
        "baseline": float(baseline),
        "points": float(points),
    }
