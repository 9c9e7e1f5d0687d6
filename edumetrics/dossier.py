"""The file that a college shows an authority: what the law asks, answered from the ledger.

The items are in `params/dossier.yml`. What is the college's to say is named as missing. The same
ledger and parameters give the same bytes: nothing in it depends on the day on which it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd
import sqlalchemy as sa
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from pydantic import model_validator

from edumetrics import __version__, settings
from edumetrics.analysis.store import Store
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.analysis.week_state import find_newest_week, list_judged_weeks
from edumetrics.forecast.contest import FAIL
from edumetrics.params.base import ParameterModel
from edumetrics.params.files import find_shipped, read_file
from edumetrics.plain import export_safe_csv
from edumetrics.triage.situation import NO_ANSWER, STUDENT_SAYS, WRONG_FLAG
from edumetrics.workspace import Workspace

FILE = "dossier.yml"
# Of the ledger, what says nothing about anybody.
LEDGER = ("seq", "stage", "term", "sem_week", "status", "by_hand", "started_at", "finished_at",
          "params_sha256", "version", "rows_written")  # fmt: skip
NOTHING = "not known yet"


class DossierItem(ParameterModel):
    """What a law asks: answered here, or the college's to say."""

    law: str
    asks: str
    answer: str = ""
    where: str = ""
    college: str = ""

    @model_validator(mode="after")
    def _check_one_answer(self) -> Self:
        if bool(self.answer) == bool(self.college) or bool(self.answer) != bool(self.where):
            raise ValueError("give `answer` and `where`, or `college`")
        return self


class Notice(ParameterModel):
    """A notice to students, with what the college fills in in square brackets."""

    title: str
    text: str


class DossierFile(ParameterModel):
    """`dossier.yml`."""

    items: tuple[DossierItem, ...]
    notices: tuple[Notice, ...]

    @property
    def filled(self) -> int:
        """How many of the items are answered here."""
        return sum(bool(item.answer) for item in self.items)


@dataclass(frozen=True)
class Dossier:
    """The written files, and how many of the items are filled."""

    files: tuple[Path, ...]
    filled: int
    items: int


def write_dossier(workspace: Workspace, folder: Path) -> Dossier:
    """Write the dossier into a folder: dossier.md, impact-assessment.md, notices.md, ledger.csv.

    Raises:
        SettingsError: `dossier.yml` is not valid, or the folder cannot be written to.
    """
    path = find_shipped(workspace.settings.params, FILE)
    file = read_file(path, DossierFile)
    facts = collect_facts(workspace)
    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)

    def fill(text: str) -> str:
        return environment.from_string(text).render(facts)

    ledger = workspace.store.read("run_log", LEDGER).sort_values("seq")
    texts = {
        "dossier.md": "".join(_format_items(file, fill, facts)),
        "impact-assessment.md": "".join(_format_assessment(facts)),
        "notices.md": "".join(f"## {one.title}\n\n{fill(one.text)}\n\n" for one in file.notices),
        "ledger.csv": export_safe_csv(ledger),
    }
    settings.create_private_folder(folder)
    written = tuple(
        settings.write_private_file(folder / name, text.encode()) for name, text in texts.items()
    )
    return Dossier(written, file.filled, len(file.items))


def collect_facts(workspace: Workspace) -> dict[str, Any]:
    """Return the facts that the items of the dossier may mention, by name."""
    store, params = workspace.store, workspace.params
    term, week = find_newest_week(store)
    newest = store.read(
        "weekly_metrics", ("student_id", "class_id", "advisor_id"), term=term, sem_week=week
    )
    runs = store.read("run_log", ("stage", "status", "version", "params_sha256"))
    return {
        "version": __version__,
        "versions": ", ".join(f"EduMetrics {one}" for one in sorted(set(runs["version"].dropna())))
        or NOTHING,
        "college": workspace.settings.college,
        "mail_mode": params.mail.mode,
        "ranking": "forecast" if params.triage.uses_models else "rules",
        "capacity": params.triage.capacity,
        "grace_weeks": params.calendar.grace_weeks,
        "retention_months": params.batch.retention.months,
        "runs": len(runs),
        "failed_runs": int((runs["status"] == "failed").sum()),
        "held_weeks": int(((runs["stage"] == "gate") & (runs["status"] == "refused")).sum()),
        "parameter_sets": runs["params_sha256"].nunique(),
        "deliveries": _count(store, "delivery_log"),
        "reads": _count(store, "access_log"),
        "health_findings": _count(store, "data_health"),
        "terms": len(store.list_terms()),
        "weeks": len(store.read("weekly_metrics", ("term", "sem_week")).drop_duplicates()),
        "students": newest["student_id"].nunique(),
        "classes": newest["class_id"].nunique(),
        "advisors": newest["advisor_id"].nunique(),
        **_describe_model(store),
        **_count_answers(store),
    }


def _count(store: Store, table: str) -> int:
    with store.connect() as connection:
        select = sa.select(sa.func.count()).select_from(SQL_TABLES[table])
        return int(connection.execute(select).scalar_one())


def _describe_model(store: Store) -> dict[str, Any]:
    """Return what the forecast in use learnt from, how many were tried, and what it was worth."""
    tried = store.read("model_runs", task=FAIL)
    used = tried[tried["champion"].astype(bool)].sort_values("trained_terms")
    if used.empty:
        return {"trials": len(tried), "trained_rows": 0, "trained_terms": 0, "accuracy": NOTHING}
    newest = used.iloc[-1]
    weeks = pd.DataFrame(newest["metrics"]["by_week"])
    return {
        "trials": len(tried),
        "trained_rows": int(newest["rows"]),
        "trained_terms": len(str(newest["trained_terms"]).split(",")),
        "accuracy": (
            f"in a trial on the completed term of {newest['tested_term']}, means over weeks:"
            f" AUC {weeks['auc'].mean():.2f},"
            f" precision at the advisors' capacity {weeks['precision_at_capacity'].mean():.2f},"
            f" calibration error {weeks['calibration_error'].mean():.3f}"
        ),
    }


def _count_answers(store: Store) -> dict[str, int]:
    """Return how many cards in a place were answered, overridden and ignored.

    A list that was only replayed was shown to nobody: it counts for nothing.
    """
    key = ["student_id", "term", "sem_week"]
    cards = pd.concat(
        [store.read("weekly_flags", tuple(key), within_capacity=True, term=term,
                    sem_week=sorted(list_judged_weeks(store, term))) for term in store.list_terms()]
        or [pd.DataFrame(columns=key)]
    )  # fmt: skip
    log = store.read("intervention_log", (*key, "kind"))
    said = log[log["kind"] == STUDENT_SAYS]
    answers = log[~log["kind"].isin((STUDENT_SAYS, NO_ANSWER))]
    matched = cards.merge(answers[key].drop_duplicates(), on=key)
    wrong = cards.merge(answers.loc[answers["kind"] == WRONG_FLAG, key].drop_duplicates(), on=key)
    return {
        "placed": len(cards),
        "answered": len(matched),
        "overridden": len(wrong),
        "ignored": len(cards) - len(matched),
        "said": said["student_id"].nunique(),
    }


def _format_items(file: DossierFile, fill: Any, facts: dict[str, Any]) -> Iterator[str]:
    yield (
        f"# Dossier\n\nEduMetrics {facts['version']}. {file.filled} of {len(file.items)} items are"
        " filled from this home; the others are the college's to say.\n\n"
        "| what is asked for | | answer | where it is shown |\n|---|---|---|---|\n"
    )
    for item in file.items:
        college = f"**The college's to say.** {fill(item.college)}"
        answer = fill(item.answer) if item.answer else college
        yield f"| {item.law} | {item.asks} | {answer} | {item.where} |\n"


def _format_assessment(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the impact assessment (GDPR Article 35), filled as far as the home knows."""
    ours = "**The college's to say.**"
    yield "# Data-protection impact assessment\n\n| question | answer |\n|---|---|\n"
    for question, answer in (
        ("What is processed, and what for", "Attendance, work and its marks, library and platform"
         " use, exam results: to tell advisors whom to talk to. See docs/privacy.md."),
        ("Controller, processor, officer", ours),
        ("Legal basis", ours),
        ("Whom it concerns", f"{facts['students']} students in {facts['classes']} classes."),
        ("Who receives what", f"{facts['advisors']} advisors: their own students; heads: classes"
         " without names."),
        ("How long it is kept", f"{facts['retention_months']} months after the end of a term."),
        ("Necessity and proportion", ours),
        ("Human oversight so far", f"{facts['answered']} of {facts['placed']} cards answered,"
         f" {facts['overridden']} called wrong, {facts['ignored']} without an answer."),
        ("Accuracy", f"{facts['accuracy']}."),
        ("Risks and measures", "As under Article 9 in dossier.md."),
        ("Views of students or their representatives", ours),
        ("Decision, date, when to look again", ours),
    ):  # fmt: skip
        yield f"| {question} | {answer} |\n"
