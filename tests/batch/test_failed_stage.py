"""A stage other than the week's own that fails: its mail goes out all the same, and the stage is made later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edumetrics.batch import idle, pipeline, progress
from edumetrics.batch.tasks import Execute
from edumetrics.errors import EduMetricsError
from edumetrics.workspace import Workspace
from tests import in_process
from tests.conftest import workspace_at
from tests.simulated import simulate


@contextmanager
def fail_outlook() -> Iterator[Execute]:
    """Carry out every stage but the outlook, which fails."""

    def execute(stage: str, parameters: Mapping[str, Any], folder: Path, **more: Any) -> dict[str, int]:  # fmt: skip
        if stage == "pre_mid":
            raise EduMetricsError("Cell 3 of pre_mid failed.")
        return in_process.execute(stage, parameters, folder, **more)

    yield execute


@pytest.fixture
def week_6(tmp_path: Path) -> Workspace:
    """A college in week 6, which is analysed up to week 5."""
    workspace = workspace_at(tmp_path / "home")
    simulate(workspace, 60, 3, week=5, now=6)
    return workspace


@pytest.mark.slow
def test_the_mail_says_what_is_missing_and_the_next_run_makes_it(
    week_6: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "DEFAULT_EXECUTOR", fail_outlook)
        with pytest.raises(EduMetricsError) as failed:
            pipeline.run(week_6, progress.skip_line)
    assert "Cell 3 of pre_mid failed." in str(failed.value)
    assert "in the outbox" in str(failed.value), "the week's mail is written all the same"
    folder = week_6.settings.reports / "2025-even" / "week-06"
    line = "The outlook for the midterm could not be made this week."
    pages, mails = (sorted(folder.glob(name)) for name in ("advisors/*.html", "outbox/*.eml"))
    assert pages
    assert [page.stem for page in pages] == [mail.stem for mail in mails]
    assert all(line in page.read_text() for page in pages)
    assert not idle.is_up_to_date(week_6)

    outcome = pipeline.run(week_6, progress.skip_line)
    assert [str(task.stage) for step in outcome.plan.steps for task in step.tasks] == ["pre_mid"]
    assert not any(line in page.read_text() for page in pages)
    log = week_6.store.read("delivery_log", term="2026-01-05", sem_week=6)
    assert log["advisor_id"].is_unique, "one mail for each advisor"
    assert idle.is_up_to_date(week_6)
    assert pipeline.run(week_6, progress.skip_line).kind == ""
