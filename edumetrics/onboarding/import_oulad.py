"""Load the official files of the Open University Learning Analytics Dataset (OULAD).

Source: Kuzilek J., Hlosta M., Zdrahal Z. (2017), Open University Learning Analytics dataset,
Scientific Data 4:170171. The seven official tables are kept as they are. Five derived tables give
dates instead of day numbers, weeks instead of days, and clicks summed by week. The mapping
`params/colleges/oulad.yml` reads both.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from edumetrics.errors import SettingsError

FILES = (
    "courses",
    "assessments",
    "vle",
    "studentInfo",
    "studentRegistration",
    "studentAssessment",
    "studentVle",
)
# The types of pages that hold course material. Forums, quizzes and home pages are no study sites.
STUDY_SITES = ("resource", "oucontent", "url", "page")
# The dataset has no advisors: each class is divided into groups of so many students.
ADVISEES = 60
# The dataset has no dates of results: they are taken to come four weeks after a presentation ends.
RESULT_AFTER_DAYS = 28
# The two columns that name a module-presentation, which becomes a class.
MODULE = ["code_module", "code_presentation"]
# Month and day on which week 1 begins, by the last letter of a presentation's code.
STARTS = {"B": "02-01", "J": "10-01"}

Frames = dict[str, pd.DataFrame]


def read_dataset(path: Path) -> Frames:
    """Return the official tables and the tables derived from them.

    Args:
        path: a folder of CSV or Parquet files with the official names, or a zip file of CSV files.

    Returns:
        The official tables by name (the clicks are `studentVle`), and oulad_presentation,
        oulad_enrolment, oulad_assessment, oulad_submission and oulad_week.

    Raises:
        SettingsError: a file is missing or cannot be read, or a column of it is missing.
    """
    official = {name: _read_table(path, name) for name in FILES}
    # pandas raises KeyError for a column that a frame lacks.
    try:
        return official | _build_derived_tables(official)
    except KeyError as error:
        raise SettingsError(
            f"The OULAD files at {path} lack the column {error}: use the official files."
        ) from error


def _read_table(path: Path, name: str) -> pd.DataFrame:
    """Read one official table, from the zip file or the folder.

    Raises:
        SettingsError: the file is missing or cannot be read.
    """
    try:
        if path.is_file():
            with zipfile.ZipFile(path) as archive:
                # The official archive has its files in a folder.
                member = next(
                    entry for entry in archive.namelist() if Path(entry).name == f"{name}.csv"
                )
                # The dataset writes "?" for null. Without `keep_default_na=False` pandas would also
                # make null of texts such as "NA".
                with archive.open(member) as file:
                    return pd.read_csv(file, na_values=["?", ""], keep_default_na=False)
        if (path / f"{name}.parquet").is_file():
            return pd.read_parquet(path / f"{name}.parquet")
        return pd.read_csv(path / f"{name}.csv", na_values=["?", ""], keep_default_na=False)
    except (FileNotFoundError, StopIteration):
        raise SettingsError(
            f"There is no {name} among the files of {path}: the import needs "
            f"{', '.join(FILES)} (.csv or .parquet)."
        ) from None
    except (zipfile.BadZipFile, ValueError, ImportError) as error:
        raise SettingsError(f"{name} of {path} cannot be read ({error}).") from error


def _build_derived_tables(official: Frames) -> Frames:
    presentations = _build_presentations(official["courses"])
    enrolments = _build_enrolments(official, presentations)
    day = _make_day_converter(presentations)
    assessments = _build_assessments(official["assessments"])
    submissions = _build_submissions(official["studentAssessment"], assessments, day)
    # The exam is no coursework: its score belongs to the enrolment, and is null without an exam.
    exams = submissions.merge(
        assessments.query("assessment_type == 'Exam'")[["assessment_id"]], on="assessment_id"
    )
    scores = exams.groupby("student_id")["score"].max().rename("exam_score").reset_index()
    return {
        "oulad_presentation": presentations,
        "oulad_enrolment": enrolments.merge(scores, on="student_id", how="left"),
        "oulad_assessment": assessments,
        "oulad_submission": submissions[submissions["student_id"].isin(enrolments["student_id"])],
        "oulad_week": _build_weeks(official, presentations, enrolments, day),
    }


def _format_class_ids(frame: pd.DataFrame) -> pd.Series:
    """Return class ids such as `AAA-2013J`."""
    return frame["code_module"].astype("str") + "-" + frame["code_presentation"].astype("str")


def _format_student_ids(frame: pd.DataFrame) -> pd.Series:
    """Return ids of enrolments: one person may take several modules, each as another student."""
    return frame["id_student"].astype("str") + "-" + _format_class_ids(frame)


def _map_to_semester(presentation: pd.Series) -> pd.Series:
    """Return 1 for a presentation that begins in February (B), 2 for one in October (J)."""
    return presentation.str[-1].map({"B": 1, "J": 2})


def _build_presentations(courses: pd.DataFrame) -> pd.DataFrame:
    """Return one row per module-presentation, with its dates and its number of weeks."""
    presentation = courses["code_presentation"].astype("str")
    start = pd.to_datetime(presentation.str[:4] + "-" + presentation.str[-1].map(STARTS))
    length = courses["module_presentation_length"]
    ends = start + pd.to_timedelta(length, unit="D")
    return pd.DataFrame(
        {
            "class_id": _format_class_ids(courses),
            "code_module": courses["code_module"].astype("str"),
            "code_presentation": presentation,
            "presentation_year": presentation.str[:4].astype("int64"),
            "semester": _map_to_semester(presentation),
            "starts_on": start,
            "ends_on": ends,
            "result_on": ends + pd.Timedelta(days=RESULT_AFTER_DAYS),
            # Rounded up: the last week may have fewer than seven days.
            "weeks": -(-length.astype("int64") // 7),
        }
    )


def _make_day_converter(presentations: pd.DataFrame) -> Callable[[pd.Series, pd.Series], pd.Series]:
    """Return a function from (class_id, days since the class began) to dates; NaN gives NaT."""
    starts = presentations.set_index("class_id")["starts_on"]

    def convert_to_date(class_id: pd.Series, days: pd.Series) -> pd.Series:
        # As floats: an integer column cannot hold the NaN of a day that is not known.
        return class_id.map(starts) + pd.to_timedelta(days.astype("float64"), unit="D")

    return convert_to_date


def _build_enrolments(official: Frames, presentations: pd.DataFrame) -> pd.DataFrame:
    """Return one row per enrolment, with its dates, its advisor and its result.

    `withdrawn_on` is null for students who stayed; `pass_fail` is F for Fail and for Withdrawn.
    """
    info = official["studentInfo"][[*MODULE, "id_student", "final_result"]]
    frame = info.merge(official["studentRegistration"], on=[*MODULE, "id_student"], how="left")
    frame = frame.assign(class_id=_format_class_ids(frame), student_id=_format_student_ids(frame))
    frame = frame.merge(presentations[["class_id", "semester", "result_on"]], on="class_id")
    # Advisors are given by this order, whatever the order of the file.
    frame = frame.sort_values(["class_id", "id_student"], ignore_index=True)
    day = _make_day_converter(presentations)
    group = frame.groupby("class_id").cumcount() // ADVISEES + 1
    return pd.DataFrame(
        {
            "student_id": frame["student_id"],
            "class_id": frame["class_id"],
            "code_module": frame["code_module"].astype("str"),
            "code_presentation": frame["code_presentation"].astype("str"),
            "id_student": frame["id_student"],
            "advisor_id": frame["class_id"] + "-A" + group.astype("str").str.zfill(2),
            "joined_on": day(frame["class_id"], frame["date_registration"]),
            "withdrawn_on": day(frame["class_id"], frame["date_unregistration"]),
            "final_result": frame["final_result"].astype("str"),
            "pass_fail": np.where(frame["final_result"].isin(["Fail", "Withdrawn"]), "F", "P"),
            "result_on": frame["result_on"],
        }
    )


def _build_assessments(assessments: pd.DataFrame) -> pd.DataFrame:
    """Return one row per assessment; `due_week` is null for exams without a date."""
    return pd.DataFrame(
        {
            "assessment_id": assessments["id_assessment"].astype("str"),
            "class_id": _format_class_ids(assessments),
            "semester": _map_to_semester(assessments["code_presentation"].astype("str")),
            "assessment_type": assessments["assessment_type"].astype("str"),
            # Day 0 is the first day of week 1.
            "due_week": assessments["date"] // 7 + 1,
            "weight": assessments["weight"].astype("float64"),
        }
    )


def _build_submissions(
    submissions: pd.DataFrame,
    assessments: pd.DataFrame,
    day: Callable[[pd.Series, pd.Series], pd.Series],
) -> pd.DataFrame:
    """Return one row per submission; `score` is null where none was recorded."""
    frame = submissions.assign(assessment_id=submissions["id_assessment"].astype("str"))
    frame = frame.merge(assessments[["assessment_id", "class_id"]], on="assessment_id")
    # Work banked from an earlier presentation counts as handed in on the day the module starts.
    days = frame["date_submitted"].where(frame["is_banked"] != 1, 0)
    return pd.DataFrame(
        {
            "id": np.arange(1, len(frame) + 1),
            "assessment_id": frame["assessment_id"],
            "student_id": frame["id_student"].astype("str") + "-" + frame["class_id"],
            "class_id": frame["class_id"],
            "submitted_on": day(frame["class_id"], days),
            "score": frame["score"].astype("float64"),
        }
    )


def _build_weeks(
    official: Frames,
    presentations: pd.DataFrame,
    enrolments: pd.DataFrame,
    day: Callable[[pd.Series, pd.Series], pd.Series],
) -> pd.DataFrame:
    """Return every week of every enrolment, and other weeks with clicks (0 is before the start)."""
    clicks = _sum_clicks_by_week(official)
    grid = enrolments[["student_id", "class_id", "joined_on", "withdrawn_on"]].merge(
        presentations[["class_id", "semester", "weeks"]], on="class_id"
    )
    grid = grid.loc[grid.index.repeat(grid["weeks"])]
    grid = grid.assign(week=grid.groupby("student_id").cumcount() + 1)
    last_day = day(grid["class_id"], 7 * grid["week"] - 1)
    # Negated: a comparison with NaT is False, so a student without a date counts as on the roll.
    on_roll = ~(grid["joined_on"] > last_day) & ~(grid["withdrawn_on"] <= last_day)
    grid = grid.loc[on_roll, ["student_id", "week"]].assign(enrolled=1)
    # Outer: some students click before they register or after they leave; others never click.
    frame = grid.merge(clicks, on=["student_id", "week"], how="outer").fillna(
        {"enrolled": 0, "active_days": 0, "study_days": 0, "clicks": 0}
    )
    frame = frame.merge(enrolments[["student_id", "class_id"]], on="student_id")
    frame = frame.merge(presentations[["class_id", "semester"]], on="class_id")
    # The outer merge has made floats of the counts.
    frame = frame.astype(
        dict.fromkeys(("week", "enrolled", "active_days", "study_days", "clicks"), "int64")
    )
    frame = frame.sort_values(["class_id", "student_id", "week"], ignore_index=True)
    return frame.assign(
        id=np.arange(1, len(frame) + 1), week_date=day(frame["class_id"], 7 * (frame["week"] - 1))
    )


def _sum_clicks_by_week(official: Frames) -> pd.DataFrame:
    """Return student_id, week, active_days and study_days (counts of distinct days), and clicks."""
    clicks, sites = official["studentVle"], official["vle"]
    study = sites.loc[sites["activity_type"].isin(STUDY_SITES), "id_site"]
    clicks = clicks.assign(study=clicks["id_site"].isin(study))
    keys = [*MODULE, "id_student", "date"]
    # By day first: the file has several rows for one day, and a day must count once. `observed`
    # keeps pandas from listing every combination of categorical keys.
    days = clicks.groupby(keys, as_index=False, observed=True).agg(
        clicks=("sum_click", "sum"), study=("study", "max")
    )
    days = days.assign(week=days["date"].astype("int64") // 7 + 1)
    weeks = days.groupby([*MODULE, "id_student", "week"], as_index=False, observed=True).agg(
        active_days=("date", "size"), study_days=("study", "sum"), clicks=("clicks", "sum")
    )
    weeks = weeks.assign(student_id=_format_student_ids(weeks))
    return weeks[["student_id", "week", "active_days", "study_days", "clicks"]]
