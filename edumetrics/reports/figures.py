"""Draw figures in one house style: few colours, direct labels, readable in grey."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from edumetrics.params import Calendar
from edumetrics.sentences import Sentences

# The colours of the pages (house.css.j2): a figure must look like a part of its page.
INK, QUIET, LINE, ACTION = "#1F2A33", "#55606B", "#DDD8CD", "#1B4F86"
# Column and measure: the phrases of a measure are `axis_` and `word_` with this ending.
MEASURES = {"effort_score": "activity", "academic_performance": "performance"}


@dataclass(frozen=True)
class Picture:
    """A figure and a text that says what it shows.

    A picture displays itself in a notebook, with the text as alternative text.
    """

    figure: Figure
    alt: str

    def render_png(self) -> bytes:
        """Return the picture as PNG; equal figures give equal bytes."""
        # By default a PNG names the version of Matplotlib; then bytes would change with an upgrade.
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
        return buffer.getvalue()

    def _repr_png_(self) -> tuple[bytes, dict[str, str]]:
        return self.render_png(), {"alt": self.alt}


def draw_distributions(sentences: Sentences, metrics: pd.DataFrame) -> Picture:
    """Draw two histograms, of effort_score and academic_performance, with their medians.

    Args:
        sentences: the catalogue.
        metrics: effort_score and academic_performance, 0 to 100; the title counts the nulls.
    """
    say, medians = partial(sentences.say, "reports"), {}
    figure = Figure(figsize=(9, 3.2), layout="constrained", facecolor="white")
    for axes, (column, measure) in zip(
        np.ravel(figure.subplots(1, 2, sharey=True)), MEASURES.items(), strict=True
    ):
        values = metrics[column].dropna()
        axes.hist(
            values,
            bins=np.arange(0, 101, 5).tolist(),  # `arange` leaves out its end; 100 is the last edge
            color=ACTION,
            alpha=0.75,
            edgecolor="white",
            linewidth=0.5,
        )
        # Both histograms share the y axis, so its label stands once.
        y = say("axis_students") if column == "effort_score" else ""
        apply_style(axes, say(f"axis_{measure}"), y)
        median = medians[measure] = float(values.median()) if len(values) else None
        if median is not None:
            axes.axvline(median, color=INK, linewidth=1)
        note = say("distributions_note", median=median, missing=len(metrics) - len(values))
        axes.set_title(note, fontsize=9, color=QUIET, loc="right")
    return Picture(figure, say("distributions_alt", **medians))


def draw_semester(sentences: Sentences, course: pd.DataFrame, calendar: Calendar) -> Picture:
    """Draw one student's weeks: attendance, recorded activity and academic performance.

    Exam weeks are shaded.

    Args:
        sentences: the catalogue.
        course: sem_week, weekly_att_pct, effort_score, academic_performance (0 to 100, null where
            not known); at least one row.
        calendar: the exam weeks, and the attendance rule (drawn as a line where there is one).
    """
    figure = Figure(figsize=(8, 3.2), layout="constrained", facecolor="white", dpi=120)
    axes, rows = figure.subplots(), course.sort_values("sem_week")
    say, said = partial(sentences.say, "reports"), []
    styles = {"weekly_att_pct": ("word_attendance", INK, ":"),
              "effort_score": ("word_activity", ACTION, "-"),
              "academic_performance": ("word_performance", QUIET, "--")}  # fmt: skip
    for column, (phrase, ink, line) in styles.items():
        word = say(phrase)
        axes.plot(
            rows["sem_week"],
            rows[column],
            color=ink,
            linestyle=line,
            marker="o",
            markersize=3,
            label=word,
        )
        known = rows[column].dropna()
        if len(known):
            first, last = float(known.iloc[0]), float(known.iloc[-1])
            said.append(say("semester_measure", measure=word, first=first, last=last))
    for week in (calendar.midterm_week, calendar.endterm_week):
        if week is not None and week <= rows["sem_week"].max():
            axes.axvspan(week - 0.5, week + 0.5, color="#ECEAE4", linewidth=0, zorder=0)
    if calendar.attendance_rule_pct is not None:
        axes.axhline(calendar.attendance_rule_pct, color=LINE, linewidth=1, zorder=0)
    # Above 100, so that a mark at 100 is not cut off.
    axes.set_ylim(0, 102)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    apply_style(axes, say("axis_week"), say("axis_of_100"))
    figure.legend(loc="outside upper left", ncols=3, frameon=False, fontsize=9, labelcolor=INK)
    first, last = rows["sem_week"].min(), rows["sem_week"].max()
    return Picture(figure, say("semester_alt", first=first, last=last, measures=", ".join(said)))


def apply_style(axes: Axes, x: str, y: str) -> None:
    """Set axes in the house style: labels in ink, quiet ticks, no box.

    Args:
        axes: the axes to change in place.
        x, y: their labels; empty for none.
    """
    axes.set_xlabel(x, color=INK, fontsize=10)
    axes.set_ylabel(y, color=INK, fontsize=10)
    axes.tick_params(colors=QUIET, labelsize=9, length=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(LINE)


def draw_policy(sentences: Sentences, grid: pd.DataFrame) -> Picture:
    """Draw failing students reached, and advisor hours, by the share to list, one line a capacity.

    Args:
        sentences: the catalogue.
        grid: as `triage.policy.compare_policies` returns it.
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained", facecolor="white")
    reached, hours = np.ravel(figure.subplots(1, 2))
    say = partial(sentences.say, "reports")
    # Capacities differ by dashes, not by colour. The dashes repeat, so that there are enough.
    styles = dict(
        zip(sorted(grid["capacity"].unique()), ("-", "--", ":", "-.") * len(grid), strict=False)
    )
    for capacity, rows in grid.groupby("capacity"):
        style = {"linestyle": styles[capacity], "color": ACTION, "marker": "o", "markersize": 4}
        reached.plot(100 * rows["list_share"], 100 * rows["fails_reached"], **style)
        hours.plot(100 * rows["list_share"], rows["hours"], **style)
        last = (100 * rows["list_share"].iloc[-1], rows["hours"].iloc[-1])
        label = say("policy_capacity", capacity=capacity)
        # The blank keeps the label away from the end of the line.
        hours.annotate(f" {label}", last, color=QUIET, fontsize=9, va="center")
    # Capacity does not change who is on the list, so one row a threshold is enough.
    every = grid.drop_duplicates("list_share").sort_values("list_share")
    listed = 100 * every["fails_listed"]
    reached.plot(100 * every["list_share"], listed, color=INK, linewidth=1)
    place = (100 * every["list_share"].iloc[0], listed.iloc[0])
    reached.annotate(f"{say('policy_listed')} ", place, color=INK, fontsize=9, ha="right")
    apply_style(reached, say("axis_list_share"), say("axis_reached"))
    apply_style(hours, say("axis_list_share"), say("axis_hours"))
    reached.set_ylim(0, 102)
    for axes in (reached, hours):
        axes.margins(x=0.25)  # room for the labels beside the lines
    # Of the policies that reach the most students, the one that takes the fewest hours.
    best = grid.sort_values(["fails_reached", "hours"], ascending=[False, True]).iloc[0]
    # Where nobody failed the share is NaN, which has no whole number: it is said as it is.
    alt = say(
        "policy_alt",
        share=f"{100 * best['fails_reached']:.0f}",
        listed=100 * best["list_share"],
        capacity=best["capacity"],
        hours=best["hours"],
    )
    return Picture(figure, alt)


def draw_reliability(sentences: Sentences, table: pd.DataFrame, axis: str, scale: float) -> Picture:
    """Draw the forecast against the outcome, in ten groups of equal size.

    A forecast that held lies on the diagonal.

    Args:
        sentences: the catalogue.
        table: forecast, happened, n, as `forecast.measures.compute_reliability` returns them.
        axis: the phrase that names the forecast, with its unit.
        scale: the factor that brings forecasts and outcomes to that unit.
    """
    figure = Figure(figsize=(4.6, 4.2), layout="constrained", facecolor="white")
    axes = figure.subplots()
    said, was = scale * table["forecast"], scale * table["happened"]
    # Both axes have the same limits: otherwise the diagonal would not mean equality.
    low, high = min(said.min(), was.min()) - 3, max(said.max(), was.max()) + 3
    axes.plot([low, high], [low, high], color=LINE, linewidth=1, zorder=0)
    axes.plot(said, was, color=ACTION, marker="o", markersize=5, linewidth=1)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    say = partial(sentences.say, "reports")
    apply_style(axes, say(axis), say("axis_outcome"))
    off = (said - was).abs()
    alt = say("reliability_alt", mean=float(off.mean()), most=float(off.max()))
    return Picture(figure, alt)


def _set_label_heights(heights: list[float], least: float = 6) -> list[float]:
    """Return heights of labels, moved up so that no two overlap.

    Args:
        heights: where the labels belong, ascending.
        least: the smallest distance between two labels, in units of the axis.
    """
    moved = heights[:1]
    for height in heights[1:]:
        moved.append(max(height, moved[-1] + least))
    return moved


def draw_precision(sentences: Sentences, tables: dict[str, pd.DataFrame]) -> Picture:
    """Draw precision at the advisors' capacity by week, over the base rate.

    Each candidate has one line with a label at its end.

    Args:
        sentences: the catalogue.
        tables: by candidate, sem_week, precision_at_capacity and base_rate (shares of 0 to 1). The
            first candidate stands out and is the one in the alternative text.
    """
    figure = Figure(figsize=(8, 3.6), layout="constrained", facecolor="white")
    axes = figure.subplots()
    say, base = partial(sentences.say, "reports"), pd.Series(dtype="float64")
    ends: list[tuple[float, str, str]] = []
    for name, table in tables.items():
        weeks, share = table["sem_week"], 100 * table["precision_at_capacity"]
        ink = ACTION if name == next(iter(tables)) else QUIET
        axes.plot(weeks, share, color=ink, linewidth=2 if ink == ACTION else 1)
        ends.append((float(share.iloc[-1]), name, ink))
        # The base rate is the share of all students, so it is the same for every candidate.
        base = 100 * table["base_rate"].set_axis(weeks)
    axes.plot(base.index, base, color=INK, linewidth=1, linestyle=":")
    ends.append((float(base.iloc[-1]), say("precision_all"), INK))
    # Heights and labels are sorted together: `_set_label_heights` needs ascending heights.
    for height, (_, name, ink) in zip(
        _set_label_heights([end[0] for end in sorted(ends)]), sorted(ends), strict=True
    ):
        axes.annotate(f" {name}", (base.index[-1], height), color=ink, fontsize=9, va="center")
    axes.set_ylim(0, 102)
    # Room to the right for the labels at the ends of the lines.
    axes.set_xlim(base.index[0] - 0.5, base.index[-1] + 0.22 * (base.index[-1] - base.index[0]))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    apply_style(axes, say("axis_week"), say("axis_precision"))
    first, table = next(iter(tables.items()))
    mean = 100 * float(table["precision_at_capacity"].mean())
    alt = say("precision_alt", name=first, share=mean, base=float(base.mean()))
    return Picture(figure, alt)
