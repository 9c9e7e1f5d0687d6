"""A card offers an office by name for what it leads with, and says later that the student was sent there."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from edumetrics import interventions
from edumetrics.errors import SettingsError
from edumetrics.params.referrals import Referrals
from edumetrics.reports.render import render_page
from edumetrics.reports.weekly import build_weekly_reports
from edumetrics.workspace import Workspace
from tests.conftest import workspace_at
from tests.reports.builder import change_params, make_occasion
from tests.reports.full_week import PEOPLE, make_full_rows

OFFICES = "{offices: [{name: Writing centre, topics: [work], contact: 'Room 12'}, {name: Attendance desk, topics: [attendance]}]}"


def shown(contacts: pd.DataFrame | None = None) -> str:
    offices = Referrals.model_validate({"offices": [
        {"name": "Attendance desk", "topics": ["attendance"], "contact": "Room 12"}]})  # fmt: skip
    params = change_params("mail", college_name="Riverbend").model_copy(
        update={"referrals": offices}
    )
    rows = make_full_rows(7)
    reasons = [
        [{**one, "topic": "attendance" if n % 4 == 0 else "marks"} for one in mine]
        for n, mine in enumerate(rows.flags["reasons"])
    ]
    rows = replace(
        rows,
        flags=rows.flags.assign(reasons=reasons),
        **({} if contacts is None else {"contacts": contacts}),
    )
    (report,) = build_weekly_reports(make_occasion(week=7, people=PEOPLE, params=params), rows)
    return render_page(report)


def test_a_card_offers_the_office_for_what_it_leads_with() -> None:
    page = shown()
    assert page.count("Attendance desk (Room 12).") == 2, "two of the eight lead with attendance"


def test_who_was_sent_there_is_not_sent_again_and_the_card_names_it() -> None:
    sent = make_full_rows(7).contacts.assign(kind="referred", referral="Attendance desk")
    page = shown(sent[sent["student_id"] == "S01"])
    assert "Referred to Attendance desk" in page
    assert page.count("Attendance desk (Room 12).") == 1


def test_the_log_knows_the_offices(environment: Workspace) -> None:
    (environment.settings.home / "params").mkdir()
    (environment.settings.home / "params" / "referrals.yml").write_text(OFFICES)
    student = str(
        environment.store.read("weekly_flags", term="2026-01-05", sem_week=10)["student_id"].iloc[0]
    )
    made = interventions.log(student, "referred", referral="writing CENTRE")
    assert made.referral == "Writing centre"
    stored = workspace_at(environment.settings.home).store.read(
        "intervention_log", student_id=student
    )
    assert stored["referral"].tolist()[-1] == "Writing centre"
    with pytest.raises(SettingsError, match="there are Writing centre, Attendance desk"):
        interventions.log(student, "referred", referral="Dean")
    with pytest.raises(SettingsError, match="kind referred"):
        interventions.log(student, "talked", referral="Writing centre")
