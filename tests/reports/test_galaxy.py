"""The student galaxy: who is a point in it, what it says, and that it keeps classmates unknown."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from edumetrics.reports.galaxy import Galaxy, build_galaxy
from tests.reports.builder import SENTENCES

Pair = tuple[float | None, float | None]


def make_metrics(*pairs: Pair, first: int = 1) -> pd.DataFrame:
    """Students S1, S2, ... with recorded activity and academic performance."""
    return pd.DataFrame(
        {
            "student_id": [f"S{n}" for n in range(first, first + len(pairs))],
            "effort_score": [x for x, _ in pairs],
            "academic_performance": [y for _, y in pairs],
        }
    ).astype({"effort_score": "float64", "academic_performance": "float64"})


FIVE = make_metrics((10, 20), (30, 10), (50, 50), (70, 90), (90, 70))


def build(metrics: pd.DataFrame = FIVE, **more: Any) -> Galaxy:
    galaxy = build_galaxy(SENTENCES, metrics, **more)
    assert galaxy is not None
    return galaxy


def tiers(**by_student: str) -> pd.Series:
    return pd.Series(by_student, dtype="object")


def read_legend(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_every_student_is_a_point_at_activity_and_performance() -> None:
    assert [(star.x, star.y) for star in build().stars] == [
        (10, 20), (30, 10), (50, 50), (70, 90), (90, 70)
    ]  # fmt: skip


def test_who_misses_a_value_is_no_point() -> None:
    metrics = make_metrics((10, 20), (None, 10), (50, None), (70, 90), (90, 70))
    assert [star.x for star in build(metrics).stars] == [10, 70, 90]


@pytest.mark.parametrize(
    "pairs", [(), ((1, 1), (2, 2)), ((1, 1), (2, 2), (3, None)), ((None, None),) * 9]
)
def test_two_points_are_no_picture(pairs: tuple[Pair, ...]) -> None:
    assert build_galaxy(SENTENCES, make_metrics(*pairs)) is None


def test_who_is_on_a_list_has_its_tier() -> None:
    stars = build(tiers=tiers(S2="watch", S4="critical", S77="high")).stars
    assert [star.tier for star in stars] == ["", "watch", "", "critical", ""]


def test_last_week_is_matched_by_student_and_not_by_row() -> None:
    last = make_metrics((5, 6), (None, 8), (1, 2)).iloc[::-1]
    stars = build(last=last).stars
    assert (stars[0].was_x, stars[0].was_y) == (5, 6)
    assert math.isnan(stars[1].was_x)
    assert stars[1].was_y == 8
    assert (stars[2].was_x, stars[2].was_y) == (1, 2)
    assert all(math.isnan(star.was_x) and math.isnan(star.was_y) for star in stars[3:]), "new"


@pytest.mark.parametrize(("count", "seen"), [(0, 0), (9, 0), (10, 10), (11, 11)])
def test_a_few_classmates_are_not_drawn_because_they_would_be_recognised(
    count: int, seen: int
) -> None:
    behind = make_metrics(*[(float(n), 50.0) for n in range(count)], (None, 3.0), first=20)
    assert len(build(behind=behind).behind) == seen


def test_the_text_counts_who_is_below_both_medians() -> None:
    assert build().alt == (
        "2 of 5 students are below the middle in both recorded activity and academic performance."
    )


@pytest.mark.parametrize(
    ("listed", "among"),
    [
        ({"S1": "critical"}, "Of 1 on the list 1 is"),
        ({"S1": "high", "S2": "watch", "S5": "watch"}, "Of 3 on the list 2 are"),
        ({"S5": "watch"}, "Of 1 on the list 0 are"),
    ],
)
def test_the_text_compares_the_list_with_everyone(listed: dict[str, str], among: str) -> None:
    assert build(tiers=tiers(**listed)).alt == (
        f"{among} below the middle in both recorded activity and academic performance,"
        " as 2 of 5 students are."
    )


def test_equal_students_are_not_below_the_middle() -> None:
    assert build(make_metrics(*[(50, 50)] * 4)).alt.startswith("0 of 4 students are below")


def test_a_legend_names_what_the_picture_has() -> None:
    drawn = build(tiers=tiers(S1="critical", S2="watch"), last=make_metrics((5, 6))).draw()
    assert read_legend(drawn.figure) == ["others", "Urgent", "Keep in view", "from last week"]
    assert drawn.figure.axes[0].get_title(loc="left") == ""


def test_one_kind_of_point_needs_a_title_and_no_legend() -> None:
    drawn = build().draw()
    assert read_legend(drawn.figure) == []
    assert drawn.figure.axes[0].get_title(loc="left") == "5 students; the lines are the medians"
    assert drawn.alt == build().alt


def test_equal_galaxies_give_equal_bytes() -> None:
    galaxy = build(tiers=tiers(S1="high"), last=FIVE)
    first, second = (galaxy.draw().render_png() for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG")
    assert b"Matplotlib" not in first, "nor do they change with a version"


def test_students_on_the_list_are_numbered_in_its_order_and_named() -> None:
    named = FIVE.assign(name=["Asha", "Noor", None, "Dev", "Uma"])
    listed = build(named, tiers=tiers(S4="critical", S3="watch")).listed
    assert [(star.number, star.name, star.tier) for star in listed] == [
        (1, "Dev", "critical"), (2, "S3", "watch"),
    ]  # fmt: skip


def test_only_students_on_the_list_have_a_tail_and_only_from_a_known_week() -> None:
    last = make_metrics((5, 6), (None, 8), (1, 2))
    sky = build(tiers=tiers(S1="high", S2="watch", S5="watch"), last=last).lay_out()
    assert [tier for tier, _ in sky.tails] == ["high"]
    assert len(sky.others) == 2


def test_a_page_places_a_student_by_both_measures() -> None:
    sky = build(make_metrics((0, 0), (100, 100), (50, 50))).lay_out()
    assert sky.others == ((34, 362), (410, 10), (222, 186)), "from bottom left to top right"
    assert sky.middle == (222, 186)
    assert [value for _, value in sky.x_ticks] == [0, 20, 40, 60, 80, 100]


def test_marks_at_one_place_are_moved_apart_and_the_first_is_drawn_last() -> None:
    metrics = make_metrics(*[(40, 40)] * 4, (90, 90))
    sky = build(metrics, tiers=tiers(S1="critical", S2="high", S3="watch", S4="watch")).lay_out()
    places = [(x, y) for x, y, _ in sky.marks]
    gaps = [math.dist(a, b) for n, a in enumerate(places) for b in places[:n]]
    assert min(gaps) > 17
    assert [star.number for *_, star in sky.marks] == [4, 3, 2, 1]
