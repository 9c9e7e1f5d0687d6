"""Days become weeks, module-presentations become classes, people become enrolments."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from edumetrics.errors import SettingsError
from edumetrics.onboarding.import_oulad import Frames, read_dataset

MODULE = {"code_module": "AAA", "code_presentation": "2013J"}
MON = pd.Timestamp("2013-10-01")  # day 0 of every 2013J
COLUMNS = {
    "courses": ["code_module", "code_presentation", "module_presentation_length"],
    "assessments": [*MODULE, "id_assessment", "assessment_type", "date", "weight"],
    "vle": ["id_site", *MODULE, "activity_type"],
    "studentInfo": [*MODULE, "id_student", "final_result"],
    "studentRegistration": [*MODULE, "id_student", "date_registration", "date_unregistration"],
    "studentAssessment": ["id_assessment", "id_student", "date_submitted", "is_banked", "score"],
    "studentVle": [*MODULE, "id_student", "id_site", "date", "sum_click"],
}


def make_frames(**rows: list[tuple[object, ...]]) -> Frames:
    """Return the official tables with some rows; the columns of a module may be left out."""
    rows = {"courses": [(20,)], **rows}
    frames = {}
    for name, columns in COLUMNS.items():
        own = [column for column in columns if column not in MODULE]
        given = rows.get(name, [])
        short = not given or len(given[0]) == len(own)
        frame = pd.DataFrame(given, columns=own if short else columns)
        frames[name] = (frame.assign(**MODULE) if short else frame)[columns]
    return frames


def write(folder: Path, frames: Frames) -> Path:
    folder.mkdir(exist_ok=True)
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False, na_rep="?")
    return folder


def derive(folder: Path, **rows: list[tuple[object, ...]]) -> Frames:
    """Return what is derived from a few rows, without the official tables."""
    derived = read_dataset(write(folder, make_frames(**rows)))
    return {name: frame for name, frame in derived.items() if name.startswith("oulad_")}


ONE_STUDENT = {
    "studentInfo": [(11, "Pass")],
    "studentRegistration": [(11, -30, None)],
    "vle": [(7, "resource"), (8, "oucontent"), (9, "forumng")],
}


def test_a_presentation_begins_on_its_day_and_its_last_week_may_be_short(tmp_path: Path) -> None:
    courses = [("AAA", "2013J", 20), ("BBB", "2014B", 21)]
    found = derive(tmp_path, courses=courses)["oulad_presentation"].set_index("class_id")
    october, february = found.loc["AAA-2013J"], found.loc["BBB-2014B"]
    assert (october["semester"], october["weeks"], october["presentation_year"]) == (2, 3, 2013)
    assert (october["starts_on"], october["ends_on"], october["result_on"]) == (
        MON,
        pd.Timestamp("2013-10-21"),
        pd.Timestamp("2013-11-18"),
    )
    assert (february["semester"], february["weeks"]) == (1, 3)
    assert february["starts_on"] == pd.Timestamp("2014-02-01")


def test_a_person_in_two_modules_is_two_students(tmp_path: Path) -> None:
    frames = derive(
        tmp_path,
        courses=[("AAA", "2013J", 7), ("BBB", "2014B", 7)],
        studentInfo=[("AAA", "2013J", 11, "Pass"), ("BBB", "2014B", 11, "Fail")],
        studentRegistration=[("AAA", "2013J", 11, -1, None), ("BBB", "2014B", 11, -2, None)],
    )["oulad_enrolment"]
    assert frames["student_id"].tolist() == ["11-AAA-2013J", "11-BBB-2014B"]
    assert frames["joined_on"].tolist() == [pd.Timestamp("2013-09-30"), pd.Timestamp("2014-01-30")]


@pytest.mark.parametrize(
    ("result", "letter"), [("Pass", "P"), ("Distinction", "P"), ("Fail", "F"), ("Withdrawn", "F")]
)
def test_who_left_has_not_passed(result: str, letter: str, tmp_path: Path) -> None:
    frames = derive(tmp_path, studentInfo=[(11, result)], studentRegistration=[(11, 0, None)])
    assert frames["oulad_enrolment"]["pass_fail"].tolist() == [letter]


def test_an_advisor_has_sixty_students_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    people = list(range(100, 161))
    frames = derive(
        tmp_path,
        studentInfo=[(n, "Pass") for n in reversed(people)],
        studentRegistration=[(n, 0, None) for n in people],
    )
    advisors = frames["oulad_enrolment"].set_index("id_student")["advisor_id"]
    assert advisors.value_counts().to_dict() == {"AAA-2013J-A01": 60, "AAA-2013J-A02": 1}
    assert advisors[160] == "AAA-2013J-A02"


def test_work_is_due_in_the_week_of_its_day_and_an_exam_without_a_day_never(tmp_path: Path) -> None:
    work = [(1, "TMA", 6, 10), (2, "TMA", 7, 10), (3, "CMA", 0, 0), (4, "Exam", None, 100)]
    frames = derive(tmp_path, assessments=work)
    weeks = frames["oulad_assessment"].set_index("assessment_id")["due_week"]
    assert weeks[["1", "2", "3"]].tolist() == [1, 2, 1]
    assert pd.isna(weeks["4"])


def test_an_exam_is_a_score_of_the_enrolment(tmp_path: Path) -> None:
    frames = derive(
        tmp_path,
        studentInfo=[(11, "Pass"), (12, "Fail")],
        studentRegistration=[(11, 0, None), (12, 0, None)],
        assessments=[(1, "TMA", 6, 10), (4, "Exam", None, 100)],
        studentAssessment=[(1, 11, 5, 0, 90), (1, 12, 5, 0, 80), (4, 11, 19, 0, 62)],
    )
    scores = frames["oulad_enrolment"].set_index("id_student")["exam_score"]
    assert scores[11] == 62
    assert pd.isna(scores[12]), "coursework is no exam"


def test_banked_work_counts_from_the_first_day_and_other_work_from_its_own(tmp_path: Path) -> None:
    frames = derive(
        tmp_path,
        **ONE_STUDENT,
        assessments=[(1, "TMA", 6, 10), (2, "TMA", 7, 10)],
        studentAssessment=[(1, 11, -40, 1, 60), (2, 11, 8, 0, None), (2, 99, 8, 0, 50)],
    )["oulad_submission"].set_index("assessment_id")
    assert frames["submitted_on"].to_dict() == {"1": MON, "2": pd.Timestamp("2013-10-09")}
    assert pd.isna(frames.loc["2", "score"])
    assert set(frames["student_id"]) == {"11-AAA-2013J"}, "99 is not enrolled"


def test_a_day_counts_once_and_a_forum_is_no_study(tmp_path: Path) -> None:
    clicks = [(11, 7, 0, 3), (11, 8, 0, 4), (11, 9, 1, 5), (11, 7, 6, 1), (11, 9, 7, 2)]
    weeks = derive(tmp_path, **ONE_STUDENT, studentVle=clicks)["oulad_week"].set_index("week")
    counts = weeks[["active_days", "study_days", "clicks"]]
    assert counts.loc[1].tolist() == [3, 2, 13], "days 0, 1 and 6; pages on 0 and 6"
    assert counts.loc[2].tolist() == [1, 0, 2], "day 7 is the first of week 2"
    assert counts.loc[3].tolist() == [0, 0, 0], "a week without a click has its row"


def test_clicks_before_the_start_are_weeks_before_the_first(tmp_path: Path) -> None:
    clicks = [(11, 7, -1, 1), (11, 7, -7, 1), (11, 7, -8, 1)]
    weeks = derive(tmp_path, **ONE_STUDENT, studentVle=clicks)["oulad_week"].set_index("week")
    assert weeks["enrolled"].to_dict() == {-1: 0, 0: 0, 1: 1, 2: 1, 3: 1}
    assert weeks.loc[[-1, 0], "active_days"].tolist() == [1, 2]
    assert weeks.loc[0, "week_date"] == pd.Timestamp("2013-09-24")


@pytest.mark.parametrize(
    ("joined", "left", "weeks"),
    [
        (None, None, [1, 2, 3]),  # nobody knows when: on the roll from the first week
        (6, None, [1, 2, 3]),  # on the last day of week 1
        (7, None, [2, 3]),
        (-30, 13, [1]),  # left on the last day of week 2
        (-30, 14, [1, 2]),
        (-30, -5, []),  # left before it began
    ],
)
def test_a_week_has_those_who_are_on_the_roll_at_its_end(
    joined: int | None, left: int | None, weeks: list[int], tmp_path: Path
) -> None:
    frames = derive(tmp_path, studentInfo=[(11, "Pass")], studentRegistration=[(11, joined, left)])
    assert frames["oulad_week"]["week"].tolist() == weeks


def test_row_ids_count_from_one(tmp_path: Path) -> None:
    frames = derive(tmp_path, **ONE_STUDENT, assessments=[(1, "TMA", 6, 10)],
                    studentAssessment=[(1, 11, 5, 0, 90)])  # fmt: skip
    assert frames["oulad_week"]["id"].tolist() == [1, 2, 3]
    assert frames["oulad_submission"]["id"].tolist() == [1]


# ------------------------------------------------------------ files


def test_parquet_files_give_the_same(tmp_path: Path) -> None:
    frames = make_frames(**ONE_STUDENT, studentVle=[(11, 7, 0, 3)])
    (tmp_path / "parquet").mkdir()
    for name, frame in frames.items():
        frame.to_parquet(tmp_path / "parquet" / f"{name}.parquet")
    mine, other = read_dataset(tmp_path / "parquet"), read_dataset(write(tmp_path / "csv", frames))
    for name in ("oulad_week", "oulad_presentation"):
        pd.testing.assert_frame_equal(mine[name], other[name])


def test_only_a_question_mark_and_nothing_are_null(tmp_path: Path) -> None:
    folder = write(tmp_path / "csv", make_frames())
    (folder / "vle.csv").write_text(
        "id_site,code_module,code_presentation,activity_type\n7,NA,?,null\n8,,2013J,url\n"
    )
    sites = read_dataset(folder)["vle"].set_index("id_site")
    assert sites.loc[7, ["code_module", "activity_type"]].tolist() == ["NA", "null"]
    assert sites[["code_module", "code_presentation"]].isna().to_numpy().tolist() == [
        [False, True],
        [True, False],
    ]


def test_a_zip_without_a_table_and_a_file_that_is_no_zip_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "oulad.zip", "w") as archive:
        archive.writestr(
            "data/courses.csv", "code_module,code_presentation,module_presentation_length\n"
        )
    with pytest.raises(SettingsError, match="There is no assessments among the files"):
        read_dataset(tmp_path / "oulad.zip")
    (tmp_path / "broken.zip").write_text("no zip")
    with pytest.raises(SettingsError, match=r"courses of .* cannot be read"):
        read_dataset(tmp_path / "broken.zip")
