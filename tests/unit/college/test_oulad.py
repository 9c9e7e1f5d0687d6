from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest

from edumetrics.batch import backfill, progress
from edumetrics.database import create_writable_engine
from edumetrics.errors import SettingsError
from edumetrics.onboarding import import_oulad
from edumetrics.simulator import write
from edumetrics.workspace import Workspace
from tests.conftest import workspace_at

ROWS = {  # SOURCE.md of the data
    "courses": 9, "assessments": 92, "vle": 3023, "studentInfo": 13529, "studentRegistration": 13529,
    "studentAssessment": 82842, "studentVle": 4875652,
}  # fmt: skip

TINY = {
    "courses": "code_module,code_presentation,module_presentation_length\nAAA,2013J,20\n",
    "assessments": "code_module,code_presentation,id_assessment,assessment_type,date,weight\n"
    "AAA,2013J,1,TMA,8,50\nAAA,2013J,2,CMA,8,0\nAAA,2013J,3,Exam,?,100\n",
    "vle": "id_site,code_module,code_presentation,activity_type,week_from,week_to\n7,AAA,2013J,resource,?,?\n8,AAA,2013J,forumng,?,?\n",
    "studentInfo": "code_module,code_presentation,id_student,gender,region,highest_education,imd_band,age_band,"
    "num_of_prev_attempts,studied_credits,disability,final_result\n"
    "AAA,2013J,11,M,R,H,?,0-35,0,60,N,Pass\nAAA,2013J,12,F,R,H,0-10%,0-35,1,60,N,Withdrawn\n",
    "studentRegistration": "code_module,code_presentation,id_student,date_registration,date_unregistration\n"
    "AAA,2013J,11,-30,?\nAAA,2013J,12,-30,9\n",
    "studentAssessment": "id_assessment,id_student,date_submitted,is_banked,score\n1,11,9,0,78\n1,12,-1,1,60\n",
    "studentVle": "code_module,code_presentation,id_student,id_site,date,sum_click\n"
    "AAA,2013J,11,7,0,4\nAAA,2013J,11,7,0,4\nAAA,2013J,11,8,2,1\nAAA,2013J,11,8,-3,1\n",
}  # fmt: skip


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    folder = tmp_path / "oulad"
    folder.mkdir()
    for name, text in TINY.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def test_days_become_weeks_and_dates(tiny: Path) -> None:
    frames = import_oulad.read_dataset(tiny)
    weeks = frames["oulad_week"].set_index(["student_id", "week"])
    assert weeks.loc[("11-AAA-2013J", 1), ["active_days", "study_days", "clicks"]].tolist() == [
        2,
        1,
        9,
    ], "duplicate clicks count"
    assert weeks.loc[("11-AAA-2013J", 0), "enrolled"] == 0, "the week before the start"
    assert weeks.loc[("11-AAA-2013J", 2), "week_date"] == pd.Timestamp("2013-10-08")
    assert ("12-AAA-2013J", 2) not in weeks.index, "left on day 9, in week 2"
    assert frames["oulad_assessment"].set_index("assessment_id").loc["1", "due_week"] == 2
    submitted = frames["oulad_submission"].set_index("student_id")["submitted_on"]
    assert submitted["11-AAA-2013J"] == pd.Timestamp("2013-10-10")
    assert submitted["12-AAA-2013J"] == pd.Timestamp("2013-10-01"), (
        "banked work counts from the start"
    )


def test_a_zip_of_the_csv_files_is_the_same(tiny: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "oulad.zip", "w") as archive:
        for file in tiny.iterdir():
            archive.write(file, f"anonymisedData/{file.name}")
    pd.testing.assert_frame_equal(
        import_oulad.read_dataset(tmp_path / "oulad.zip")["oulad_week"],
        import_oulad.read_dataset(tiny)["oulad_week"],
    )


def test_a_missing_file_is_named(tiny: Path) -> None:
    (tiny / "courses.csv").unlink()
    with pytest.raises(SettingsError, match="no courses among the files"):
        import_oulad.read_dataset(tiny)


def test_a_missing_column_is_named(tiny: Path) -> None:
    (tiny / "courses.csv").write_text("code_module,code_presentation\nAAA,2013J\n")
    with pytest.raises(SettingsError, match="module_presentation_length"):
        import_oulad.read_dataset(tiny)


@pytest.fixture(scope="module")
def real(
    oulad_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, dict[str, pd.DataFrame], dict[str, int]]:
    home = tmp_path_factory.mktemp("oulad")
    frames = import_oulad.read_dataset(oulad_folder)
    written = write.write_tables(
        create_writable_engine(f"sqlite:///{home / 'college.db'}"), "oulad", frames
    )
    workspace = workspace_at(home, college="oulad")
    backfill.calibrate(workspace, progress.skip_line)
    return workspace, frames, written


@pytest.mark.prove
def test_the_counts_agree_with_the_source(
    real: tuple[Workspace, dict[str, pd.DataFrame], dict[str, int]],
) -> None:
    _, frames, written = real
    assert {name: written[name] for name in ROWS} == ROWS
    assert frames["oulad_week"]["clicks"].sum() == frames["studentVle"]["sum_click"].sum(), (
        "no click is lost"
    )


@pytest.mark.prove
def test_every_enrolment_still_registered_has_a_row(
    real: tuple[Workspace, dict[str, pd.DataFrame], dict[str, int]],
) -> None:
    workspace, frames, _ = real
    enrolments = frames["oulad_enrolment"].merge(
        frames["oulad_presentation"][["class_id", "starts_on", "weeks"]], on="class_id"
    )
    stored = workspace.store.read("weekly_metrics", ("student_id", "term", "sem_week", "class_id"))
    assert sorted(stored["term"].unique()) == ["2013-02-01", "2013-10-01"]
    for week in (1, 8, 20, 34):
        end = enrolments["starts_on"] + pd.Timedelta(days=7 * week - 1)
        there = (
            ~(enrolments["withdrawn_on"] <= end)
            & ~(enrolments["joined_on"] > end)
            & (enrolments["weeks"] >= week)
        )
        assert set(stored.loc[stored["sem_week"] == week, "student_id"]) == set(
            enrolments.loc[there, "student_id"]
        )


@pytest.mark.prove
@pytest.mark.parametrize(
    ("student", "module"), [(11391, "AAA-2013J"), (28400, "AAA-2013J"), (25107, "BBB-2013B")]
)
def test_enrolments_by_hand_against_the_raw_files(
    student: int, module: str, real: tuple[Workspace, dict[str, pd.DataFrame], dict[str, int]]
) -> None:
    """Everything below is taken from the official tables with nothing but a query on the student."""
    workspace, frames, _ = real
    code, presentation = module.split("-")

    def of_module(name: str) -> pd.DataFrame:
        frame = frames[name]
        return frame[(frame["code_module"] == code) & (frame["code_presentation"] == presentation)]

    rows = workspace.store.read("weekly_metrics", student_id=f"{student}-{module}").set_index(
        "sem_week"
    )
    clicks = of_module("studentVle").query("id_student == @student")
    work = of_module("assessments").query("assessment_type == 'TMA'")
    handed = (
        frames["studentAssessment"].query("id_student == @student").merge(work, on="id_assessment")
    )
    assert len(rows) > 0
    for week in rows.index:
        mine = clicks[clicks["date"].between(7 * week - 7, 7 * week - 1)]
        assert rows.loc[week, "lms_active_days"] == mine["date"].nunique()
        assert rows.loc[week, "lms_events"] == mine["sum_click"].sum()
        due = work[
            (work["date"] // 7 + 1 == week) & ((work["weight"] > 0) | (work["weight"].max() == 0))
        ]
        done = handed[
            handed["id_assessment"].isin(due["id_assessment"])
            & (handed["date_submitted"] <= 7 * week - 1)
        ]
        if due.empty:
            assert pd.isna(rows.loc[week, "assn_submit_rate"])
        else:
            assert rows.loc[week, "assn_submit_rate"] == 100 * len(done) / len(due)
