"""The result of a run, in words for the operator and as an exit status."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edumetrics.analysis.week_state import NOTHING as NOTHING_HELD
from edumetrics.batch.idle import NOTHING
from edumetrics.errors import EduMetricsError, Refused
from edumetrics.workspace import Workspace

if TYPE_CHECKING:
    # Only their types are needed here.
    from edumetrics.batch.schedule import RunPlan
    from edumetrics.gate import Verdict
    from edumetrics.mail.result import MailResult


@dataclass(frozen=True)
class Outcome:
    """The result of a run.

    Attributes:
        plan: what was due.
        verdict: the gate's verdict on the newest week; None where the gate checked nothing.
        line: the result in words, for the operator.
        held: whether any mail is held.
        posted: the result of the mail; None where none was due.
    """

    plan: RunPlan
    verdict: Verdict | None
    line: str
    held: bool
    posted: MailResult | None

    @property
    def kind(self) -> str:
        """The result in a word: done, held (some mail), or empty where there was nothing to do."""
        if (
            not self.plan.steps
            and self.plan.back_to is None
            and self.verdict is None
            and self.posted is None
        ):
            return ""
        return "held" if self.held else "done"


def finish_run(
    workspace: Workspace,
    due: RunPlan,
    verdict: Verdict | None,
    posted: MailResult | None,
    failed: list[EduMetricsError],
    *,
    force: bool,
) -> Outcome:
    """Return the outcome of a run whose work is stored.

    Raises:
        Refused: the gate holds back all mail.
        EduMetricsError: mail failed, or a stage did.
    """
    # The newest verdict counts, also where an earlier run made it.
    held = workspace.read_week_state().describe_held()
    line = _format_line(workspace, due, verdict, held, force=force)
    if posted is not None and verdict is None:
        line = posted.format_line()
    elif posted is not None:
        line = f"{line} {posted.format_line()}"
    line = " ".join([line, *map(str, failed), *_describe_set_aside(workspace)])
    # The work is stored by now. The exceptions only give the command its exit status.
    if verdict is not None and verdict.everyone and not force:
        raise Refused(line)
    if posted is not None and posted.broken:
        raise EduMetricsError(f"{line} Run `edumetrics send` to try the failed mails again.")
    if failed:
        raise type(failed[0])(line)
    return Outcome(due, verdict, line, held != NOTHING_HELD, posted)


def _describe_set_aside(workspace: Workspace) -> Iterator[str]:
    """Yield a sentence for each table of which rows could not be read."""
    for table, count in workspace.store.set_aside.items():
        rows = "1 row" if count == 1 else f"{count} rows"
        yield (
            f"{rows} of {table} cannot be read, and the reports are without them: compute the week"
            " again with `edumetrics run --week`."
        )


def _format_line(
    workspace: Workspace, due: RunPlan, verdict: Verdict | None, held: str, *, force: bool
) -> str:
    """Return the line that sums up a run for the operator."""
    calendar = workspace.params.calendar
    done = sum(len(step.tasks) for step in due.steps)
    where = f"Week {due.position.compute_week(calendar)} of {due.position.format_label(calendar)}"
    if not due.steps and due.back_to is None and verdict is None:
        return NOTHING
    went = (
        "rolled back"
        if due.back_to is not None
        else f"{done} {'stage' if done == 1 else 'stages'} done"
    )
    if verdict is None or not verdict.told:
        return f"{where}: {went}; {held} held."
    if force:
        return f"{where}: {went}; mail released by --force: {verdict.told}"
    again = (
        f"Correct the data and run `edumetrics run --week {verdict.week}`, "
        "or release the mail with `edumetrics run --force`."
    )
    whose = "all mail" if verdict.everyone else f"the mail of {', '.join(verdict.classes)}"
    return f"{where}: {went}; {whose} is held: {verdict.told} {again}"
