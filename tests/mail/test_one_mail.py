"""An advisor has one mail a week, whatever ran: from what is stored, once, and never a second."""

from __future__ import annotations

import email
import email.policy
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from edumetrics.analysis import run_log
from edumetrics.analysis.run_log import Run
from edumetrics.analysis.week_state import WEEKLY
from edumetrics.batch.schedule import Step, Task
from edumetrics.batch.tasks import run_tasks
from edumetrics.errors import EduMetricsError, Refused
from edumetrics.inputs.terms import find_term
from edumetrics.mail import delivery
from edumetrics.mail.queue import Letter, list_letters
from edumetrics.mail.result import MailResult
from edumetrics.params import Head
from edumetrics.reports import from_store
from edumetrics.reports.model import Prose, Report
from edumetrics.reports.stored_moments import Source
from edumetrics.stages import post_exam
from edumetrics.stages.exam_results import read_results
from edumetrics.weeks import CollegeWeek
from tests.analysis.rows import open_small_workspace, put
from tests.colleges import day, people, register, write
from tests.mail.server import Inbox

LAST, TERM = "2025-07-14", "2026-01-05"
STUDENTS = ("S1", "S2", "S3")


class Batch:
    """A small college at a week, whose stages are done by hand."""

    def __init__(self, home: Path, week: int) -> None:
        self.week = week
        self.workspace = open_small_workspace(home)
        self.store = self.workspace.store
        rows = people(*STUDENTS, current_week=week)
        lectures = [(student, number) for student in STUDENTS for number in range(1, week + 1)]
        rows["attendance"] = [
            *(register(n, *one, 4, 3) for n, one in enumerate(lectures, start=1)),
            # Week 1 of the odd semester before.
            register(900, "S1", 1, 4, 3, semester=1, week_date=LAST),
        ]
        rows["exam_schedule"] = [
            {"schedule_id": "M", "class_id": "C", "semester": 2, "subject_id": "S",
             "exam_type": "midterm", "scheduled_week": 8, "exam_date": day(8, 0)}]  # fmt: skip
        rows["exam_results"] = [
            {"id": n, "schedule_id": "M", "student_id": student, "class_id": "C",
             "score_pct": score, "result_date": day(8, 4)}
            for n, (student, score) in enumerate(zip(STUDENTS, (30, 60, 80), strict=True))]  # fmt: skip
        write(home / "college.db", rows)
        with self.store.start_transaction() as connection:
            self.store.set_college_week(connection, self.position)

    @property
    def position(self) -> CollegeWeek:
        return CollegeWeek(2025, 18 + self.week)

    def enter(self, stage: str, week: int = 7, term: str = TERM) -> Run:
        run = run_log.start_run(self.store, self.workspace.params, stage, term, week)
        with self.store.start_transaction() as connection:
            run_log.mark_done(connection, run, 1)
        return run

    def score(self, week: int = 7, term: str = TERM, advisor: str | None = "ADV") -> None:
        common = {"term": term, "sem_week": week, "semester": 2, "class_id": "C",
                  "advisor_id": advisor, "effort_score": 50.0}  # fmt: skip
        put(self.store, "weekly_metrics", *({"student_id": one, **common} for one in STUDENTS))
        self.enter(WEEKLY, week, term)

    def predict(self, week: int = 7) -> None:
        put(
            self.store,
            "pre_mid_term",
            *(
                {"student_id": student, "term": TERM, "sem_week": week, "class_id": "C",
                 "predicted_midterm_score": 30.0, "low": 20.0, "high": 40.0, "p_fail": chance,
                 "at_risk": chance >= 0.35}
                for student, chance in zip(STUDENTS, (0.7, 0.4, 0.1), strict=True)
            ),
        )  # fmt: skip
        self.enter("pre_mid", week)

    def review(self, week: int, term: str = TERM, exam: str = "midterm") -> None:
        run = self.enter("post_analysis", week, term)
        put(
            self.store,
            "exam_review",
            *(
                {"student_id": student, "term": term, "exam_type": exam, "class_id": "C",
                 "actual": score, "failed": score < 40, "p_fail": None, "run_id": run.run_id}
                for student, score in zip(STUDENTS, (30.0, 60.0, 80.0), strict=True)
            ),
        )  # fmt: skip

    def judge(self, week: int = 7) -> None:
        self.enter("gate", week)

    def hold(self, class_id: str, week: int = 7) -> None:
        """The gate finds something about a class; `all` is the whole college."""
        run = run_log.start_run(self.store, self.workspace.params, "gate", TERM, week)
        found = {"run_id": run.run_id, "check": "attendance: stopped", "status": "block"}
        message = "The registers have stopped."
        put(self.store, "data_health", {**found, "class_id": class_id, "message": message})
        run_log.mark_failed(self.store, run, Refused(message))

    def fail(self, stage: str, week: int = 7) -> None:
        run = run_log.start_run(self.store, self.workspace.params, stage, TERM, week)
        run_log.mark_failed(self.store, run, EduMetricsError("It failed."))

    def build(self, week: int = 7) -> dict[str, Report]:
        with self.workspace.open_college() as college:
            term = find_term(college, "", self.position)
            occasion = from_store.read_occasion(self.workspace, college, WEEKLY, term, week)
            source = Source(self.workspace, college, term, occasion)
            return {report.advisor_id: report for report in from_store.build_week(source)}

    def list_letters(self) -> list[Letter]:
        with self.workspace.open_college() as college:
            return list_letters(self.workspace, college, self.position)

    def send(self) -> MailResult:
        return delivery.MailRound(self.workspace, self.position).send(approve=True)


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    """A college in week 7, scored, with its outlook for the midterm."""
    made = Batch(tmp_path / "home", 7)
    made.score()
    made.predict()
    return made


def list_titles(report: Report) -> list[str]:
    return [section.title for section in report.sections]


def read_about(report: Report) -> tuple[str, ...]:
    """What a report says about the mail itself."""
    found = [one for one in report.sections if one.title == "About this mail"]
    return tuple(text for one in found if isinstance(one, Prose) for text in one.paragraphs)


# ------------------------------------------------------------ one report


def test_a_moment_adds_a_section_to_the_report_of_the_week(batch: Batch) -> None:
    (report,) = batch.build().values()
    assert (report.stage, report.subject) == (
        "weekly",
        "Week 7 · none of 3 students · midterm in one week",
    )
    assert "Who may fail the midterm" in list_titles(report)
    assert [entry.name for entry in report.entries] == ["S1", "S2"]


def test_a_report_has_what_is_stored_so_far(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 7)
    assert batch.build() == {}
    batch.score()
    (report,) = batch.build().values()
    assert "Who may fail the midterm" not in list_titles(report)


def test_an_exam_week_with_a_review_has_a_report_of_it_alone(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 8)
    batch.score()
    assert batch.build(8) == {}, "nothing ran: no mail"
    batch.fail("post_analysis", 8)
    assert batch.build(8) == {}, "nothing but a failure: no mail"
    batch.review(8)
    (report,) = batch.build(8).values()
    assert (report.advisor_id, report.stage) == ("ADV", "post_analysis")
    assert list_titles(report) == ["Results of the midterm", "How to read this"]
    (failed,) = report.entries
    assert (failed.name, failed.reasons) == ("S1", ("30 of 100 in all; not passed: S (30).",))


def test_a_review_in_a_teaching_week_is_a_section_of_the_list(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 9)
    for week in (7, 9):
        batch.score(week)
    batch.review(9)
    (report,) = batch.build(9).values()
    assert (report.stage, "Results of the midterm" in list_titles(report)) == ("weekly", True)


def test_who_left_the_college_this_week_is_named_once(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 9)
    for week in (7, 9):
        batch.score(week)
    batch.review(9)
    gone = {"student_id": "S1", "class_id": "C", "advisor_id": "ADV", "kind": "withdrawn"}
    put(batch.store, "list_exits", {**gone, "term": TERM, "sem_week": 9})
    (report,) = batch.build(9).values()
    titles = [
        section.title
        for section in report.sections
        if "S1" in {entry.name for entry in getattr(section, "entries", ())}
    ]
    assert "Left the college" in titles
    assert "Results of the midterm" not in titles
    assert "Results of the midterm" in list_titles(report), "of the others"


def test_an_end_term_reviewed_in_the_next_term_goes_to_the_advisor_of_its_own(
    tmp_path: Path,
) -> None:
    batch = Batch(tmp_path / "home", 1)
    batch.score(17, LAST, "OLD")
    batch.score(1)
    batch.review(1, LAST, "endterm")
    found = batch.build(1)
    assert sorted(found) == ["ADV", "OLD"]
    assert (found["OLD"].stage, found["OLD"].term, found["OLD"].week) == ("post_analysis", TERM, 1)
    assert "Results of the end-term exam" in list_titles(found["OLD"])
    assert "Results of the end-term exam" not in list_titles(found["ADV"])


def test_a_midterm_of_the_term_before_is_not_told_in_the_same_week_of_this_one(
    tmp_path: Path,
) -> None:
    batch = Batch(tmp_path / "home", 9)
    batch.score(7, LAST, "OLD")
    batch.score(9)
    batch.review(9, LAST)
    assert sorted(batch.build(9)) == ["ADV"]
    assert "Results of the midterm" not in list_titles(batch.build(9)["ADV"])


def test_a_stage_that_failed_leaves_one_line(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 7)
    batch.score()
    batch.fail("pre_mid")
    line = "The outlook for the midterm could not be made this week."
    assert line in read_about(batch.build()["ADV"])
    batch.predict()
    assert line not in read_about(batch.build()["ADV"])
    assert "Who may fail the midterm" in list_titles(batch.build()["ADV"])


@pytest.mark.slow
def test_the_first_mail_says_that_it_is_the_first(batch: Batch) -> None:
    (said,) = read_about(batch.build()["ADV"])
    assert said.startswith("This is the first of these mails. For how long")
    sent = {"advisor_id": "ADV", "term": TERM, "channel": "smtp", "status": "sent"}
    put(batch.store, "delivery_log", {**sent, "id": 1, "sem_week": 7})
    assert read_about(batch.build()["ADV"]) == (said,), "it says so when it is looked at again"
    put(batch.store, "delivery_log", {**sent, "id": 2, "sem_week": 6})
    assert read_about(batch.build()["ADV"]) == ()


# ------------------------------------------------------------ one page


def test_pages_lie_in_the_folder_of_the_week_and_replace_those_before(
    batch: Batch, tmp_path: Path
) -> None:
    folder = tmp_path / "reports" / "2025-even" / "week-07"
    (folder / "advisors").mkdir(parents=True)
    (folder / "advisors" / "GONE.html").write_text("of someone who has no students any more")
    with batch.workspace.open_college() as college:
        term = find_term(college, "", batch.position)
        pages = from_store.render_week(batch.workspace, college, term, 7, folder)
    assert pages == [folder / "advisors" / "ADV.html"]
    assert list(folder.rglob("*.html")) == pages
    assert "Who may fail the midterm" in pages[0].read_text()


@pytest.mark.parametrize("entered", [8, 9])
def test_a_review_is_rendered_in_the_week_under_which_it_was_entered(
    entered: int, tmp_path: Path
) -> None:
    batch = Batch(tmp_path / "home", 9)
    batch.score(7)
    batch.score(9)
    folder = batch.workspace.settings.reports / "2025-even" / f"week-{entered:02d}"
    with batch.workspace.open_college() as college:
        term = find_term(college, "", batch.position)
        known_by = date.fromisoformat(day(9, 6))
        found = read_results(batch.workspace, college, term, "midterm", known_by, folder)
    assert found is not None
    review = post_exam.compute(found)
    run = run_log.start_run(batch.store, batch.workspace.params, "post_analysis", TERM, entered)
    post_exam.STAGE.save(run, review)
    page, head = post_exam.STAGE.render_pages(review)
    assert (page, head) == (folder / "advisors" / "ADV.html", folder / "department-midterm.html")
    text = page.read_text()
    assert "30 of 100 in all; not passed: S (30)." in text
    assert ("The class in numbers" in text) == (entered == 9), "an exam week has no list"


def test_a_failed_moment_does_not_stop_the_week(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 7)
    folder = batch.workspace.settings.reports / "2025-even" / "week-07"

    def execute(stage: str, parameters: Mapping[str, Any], place: Path, **_: Any) -> dict[str, int]:
        assert (place, parameters["folder"]) == (folder / stage, str(folder))
        if stage == "pre_mid":
            raise EduMetricsError("Cell 3 of pre_mid failed.")
        batch.score()
        return {"rows": 3, "pages": 1}

    tasks = tuple(Task(stage, TERM, 7, folder / stage) for stage in ("pre_mid", "weekly"))
    step = Step(batch.position, tasks, TERM, folder)
    (error,) = run_tasks(batch.workspace, step, execute, lambda *_, **__: None, "[1/1]")
    assert str(error) == (
        "pre_mid, week 7 of the term of 2026-01-05: Cell 3 of pre_mid failed."
        " Correct the cause, then run `edumetrics run --week 7 --stage pre_mid`."
    )
    page = (folder / "advisors" / "ADV.html").read_text()
    assert "The outlook for the midterm could not be made this week." in page


def test_without_its_scores_a_week_stops(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 7)

    def execute(*_: Any, **__: Any) -> dict[str, int]:
        raise EduMetricsError("Cell 3 failed.")

    step = Step(batch.position, (Task("weekly", TERM, 7, tmp_path / "weekly"),), TERM, tmp_path)
    with pytest.raises(EduMetricsError, match="Cell 3 failed"):
        run_tasks(batch.workspace, step, execute, lambda *_, **__: None, "[1/1]")


# ------------------------------------------------------------ one mail


def test_a_week_has_one_letter_for_each_advisor(batch: Batch) -> None:
    with pytest.raises(Refused, match="Week 7 has not been checked yet"):
        batch.list_letters()
    batch.judge()
    (letter,) = batch.list_letters()
    assert (letter.report.advisor_id, letter.answers) == ("ADV", (TERM, 7))
    assert letter.folder.parts[-2:] == ("2025-even", "week-07")


def test_an_exam_week_has_letters_of_its_own(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 8)
    batch.score()
    batch.judge()
    batch.review(8)
    assert [(one.report.stage, one.answers) for one in batch.list_letters()] == [
        ("weekly", (TERM, 7)),
        ("post_analysis", (TERM, 8)),
    ]


def test_a_held_class_holds_the_whole_mail_of_its_week_and_its_advisor_is_told_once(
    tmp_path: Path, inbox: Inbox
) -> None:
    batch = make_sending(tmp_path)
    batch.score()
    batch.predict()
    batch.hold("C")
    for _ in range(2):
        assert batch.send().held == 1
    (told,) = inbox.messages
    assert told["Subject"] == "Week 7 · held back"
    assert "The registers have stopped." in " ".join(read_text(told).split())
    assert "may fail" not in read_text(told)
    batch.judge()
    assert batch.send().sent == 1
    assert "WHO MAY FAIL THE MIDTERM" in read_text(inbox.messages[-1])
    assert len(batch.store.read("delivery_log", status="sent")) == 1


@pytest.mark.parametrize(("class_id", "held"), [("C", [True, False]), ("all", [True, True])])
def test_what_is_wrong_with_a_class_now_does_not_hold_a_review(
    class_id: str, held: list[bool], tmp_path: Path
) -> None:
    batch = Batch(tmp_path / "home", 8)
    batch.score()
    batch.hold(class_id)
    batch.review(8)
    assert [bool(letter.why_held) for letter in batch.list_letters()] == held


def test_a_message_lies_in_the_folder_of_the_week_once(batch: Batch) -> None:
    batch.judge()
    for _ in range(2):
        assert batch.send().written == 1
    (path,) = batch.workspace.settings.reports.rglob("*.eml")
    assert path.parts[-4:] == ("2025-even", "week-07", "outbox", "ADV.eml")
    (row,) = batch.store.read("delivery_log").to_dict("records")
    assert (row["advisor_id"], row["sem_week"], row["stage"]) == ("ADV", 7, "weekly")


def test_a_stage_that_is_done_later_never_makes_a_second_mail(tmp_path: Path, inbox: Inbox) -> None:
    batch = make_sending(tmp_path)
    batch.score()
    batch.fail("pre_mid")
    batch.judge()
    assert batch.send().sent == 1
    (message,) = inbox.messages
    assert "could not be made this week" in " ".join(read_text(message).split())
    published = tmp_path / "pages" / "ADV" / "2025-even" / "week-07" / "index.html"
    assert published.read_text() == "as it was"
    batch.predict()
    batch.list_letters()[0].page.write_text("with the outlook")
    assert batch.workspace.read_week_state().mail_due, "the published page is to be replaced"
    assert batch.send().sent == 0
    assert len(inbox.messages) == 1
    assert published.read_text() == "with the outlook"
    assert not batch.workspace.read_week_state().mail_due


def test_what_came_too_late_is_in_next_weeks_mail(tmp_path: Path, inbox: Inbox) -> None:
    batch = make_sending(tmp_path, week=6)
    batch.score(6)
    batch.fail("pre_mid", 6)
    batch.judge(6)
    assert batch.send().sent == 1
    batch.predict(6)
    batch.score(7)
    assert "Who may fail the midterm" in list_titles(batch.build(7)["ADV"])
    assert not any("could not be made" in text for text in read_about(batch.build(7)["ADV"]))


# ------------------------------------------------------------ heads of department


def give_heads(batch: Batch, *heads: Head) -> Path:
    """Name the heads, and write their pages of week 7; the folder of the week."""
    params = batch.workspace.params
    mail = params.mail.model_copy(update={"heads": heads})
    batch.workspace = replace(batch.workspace, params=params.model_copy(update={"mail": mail}))
    folder = batch.workspace.settings.reports / "2025-even" / "week-07"
    with batch.workspace.open_college() as college:
        term = find_term(college, "", batch.position)
    from_store.write_class_page(batch.workspace, term, 7, folder)
    return folder


def test_a_head_has_one_mail_a_week_with_the_page(tmp_path: Path, inbox: Inbox) -> None:
    batch = make_sending(tmp_path)
    batch.score()
    batch.judge()
    folder = give_heads(batch, Head(address="dean@college.example"))
    for _ in range(2):
        batch.send()
    (message,) = inbox.to("dean@college.example")
    assert message["Subject"] == "Week 7 · no class stands out", "a class of 3 is small"
    (attached,) = message.iter_attachments()
    page = (folder / "department.html").read_text()
    assert attached.get_content().split() == page.split()
    assert not any(name in read_text(message) + page for name in STUDENTS)
    assert len(inbox.messages) == 2, "and the advisor has one"


def test_a_head_without_an_address_has_a_published_page_of_its_classes_only(
    tmp_path: Path, inbox: Inbox
) -> None:
    batch = make_sending(tmp_path)
    batch.score()
    batch.judge()
    folder = give_heads(batch, Head(classes=("OTHER",)), Head(classes=("C",)))
    result = batch.send()
    assert (result.letters, result.sent) == (1, 1), "the advisor's"
    small = "Of one class with fewer than 10 students nothing is told."
    assert small in (folder / "heads" / "head%3aC.html").read_text()
    assert small not in (folder / "heads" / "head%3aOTHER.html").read_text()
    published = tmp_path / "pages" / "head%3aC" / "2025-even" / "week-07" / "index.html"
    assert published.read_text() == (folder / "heads" / "head%3aC.html").read_text()


def make_sending(tmp_path: Path, week: int = 7) -> Batch:
    """A college that sends by SMTP and publishes its pages."""
    batch = Batch(tmp_path / "home", week)
    params = batch.workspace.params
    mail = params.mail.model_copy(update={"mode": "send", "backoff_seconds": 0.01})
    settings = replace(
        batch.workspace.settings,
        smtp_url=os.environ["SMTP_URL"],
        mail_from="edumetrics@college.example",
        pages_dir=tmp_path / "pages",
    )
    batch.workspace = replace(
        batch.workspace, params=params.model_copy(update={"mail": mail}), settings=settings
    )
    page = settings.reports / "2025-even" / f"week-{week:02d}" / "advisors" / "ADV.html"
    page.parent.mkdir(parents=True)
    page.write_text("as it was")
    return batch


def read_text(message: Any) -> str:
    body = email.message_from_bytes(bytes(message), policy=email.policy.default).get_body(
        ("plain",)
    )
    assert body is not None
    return str(body.get_content())
