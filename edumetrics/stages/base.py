"""A stage: the one record in which every other part finds what it needs to know about it.

The batch asks when a stage is due and runs its notebook, a backfill replays it. All of
them iterate over `edumetrics.stages.STAGES`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, Protocol, TypeVar

import pandas as pd
from IPython.core.getipython import get_ipython
from pydantic import ConfigDict, Field, ValidationError, create_model

from edumetrics.analysis import run_log
from edumetrics.analysis.run_log import Run
from edumetrics.analysis.store import get_utc_now
from edumetrics.analysis.week_state import find_last_run
from edumetrics.college.terms import College, Term
from edumetrics.errors import SettingsError
from edumetrics.inputs.terms import find_term, is_reviewed_next_term
from edumetrics.params import ParameterModel
from edumetrics.reports import from_store
from edumetrics.types import Exam
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace

# By table: its new rows, and the column = value conditions of the slice that they replace. A slice
# is replaced as a whole, so that running a stage twice leaves the same rows as running it once.
Slices = Mapping[str, tuple[pd.DataFrame, Mapping[str, Any]]]
# What notebooks are told; empty texts and 0 leave the choice to the notebook.
Day = Annotated[str, Field(pattern=r"^(\d{4}-\d\d-\d\d)?$")]
WeekNumber = Annotated[int, Field(ge=0)]
RunId = Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")]
# How papermill begins the cell that it puts behind the parameters.
INJECTED = "# Parameters\n"
When = Literal["before the semester", "in a week", "after an exam"]


class Input(Protocol):
    """What a stage has read, and where it belongs."""

    @property
    def workspace(self) -> Workspace:
        """Settings, parameters and databases."""

    @property
    def term(self) -> str:
        """ISO date of the term's first week."""

    @property
    def number(self) -> int:
        """The semester week."""

    @property
    def folder(self) -> Path:
        """Where the reports of its week go."""


I = TypeVar("I", bound=Input)  # noqa: E741 - an input
D = TypeVar("D")


@dataclass
class Progress:
    """What the weeks planned so far will have done.

    Attributes:
        again: whether weeks that are done are planned once more.
        analysed: terms that are analysed, or will be.
        planned: (term, week) of the weeks that will be scored.
        seen: by exam and term, how many results a review has seen, or will have.
    """

    again: bool = False
    analysed: set[str] = field(default_factory=set)
    planned: set[tuple[str, int]] = field(default_factory=set)
    seen: dict[tuple[Exam, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Moment:
    """A week of the college, about which a plan asks each stage.

    Attributes:
        term: the week's term; None between terms.
        position: the week.
        day: its last day.
    """

    workspace: Workspace
    college: College
    term: Term | None
    position: CollegeWeek
    day: date
    progress: Progress

    @property
    def week(self) -> int:
        """The semester week."""
        return self.position.compute_week(self.workspace.params.calendar)


class Due(NamedTuple):
    """A stage that is due: for which term, and the parameters that only it has."""

    term: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Replay:
    """A term that is computed once more, from the college's database, in this process.

    Attributes:
        week: the semester week; 0 before the first and after the last.
        last_week: the last week to compute.
    """

    workspace: Workspace
    college: College
    term: Term
    position: CollegeWeek
    week: int
    last_week: int


def write_no_page(done: object, folder: Path) -> list[Path]:
    """Write no page for the head of department."""
    return []


@dataclass(frozen=True)
class Stage(Generic[I, D]):
    """A stage of the weekly batch.

    Attributes:
        name: as the ledger, the notebook and the folders have it.
        when: before a semester, in a week of it, or after an exam.
        load: reads what the stage needs; its signature is the parameters of the notebook.
        compute: computes from what was read, and changes nothing.
        get_input: what was read, of what was computed.
        list_slices: what is written, of what was computed and the run's id; the first slice has
            one row for each student.
        find_due: yields what is due at a moment.
        replay: yields what to compute of a term that is computed once more.
        write_head_page: writes a page for the head of department into a folder; returns the pages
            that count as the notebook's.
        get_exam: the exam that was reviewed, of what was computed; empty where none was.
        analyses: whether a week counts as analysed once this stage is done.
    """

    name: str
    when: When
    load: Callable[..., I]
    compute: Callable[[I], D]
    get_input: Callable[[D], I]
    list_slices: Callable[[D, str], Slices]
    find_due: Callable[[Moment], Iterator[Due]]
    replay: Callable[[Replay], Iterator[I]]
    write_head_page: Callable[[D, Path], list[Path]] = write_no_page
    get_exam: Callable[[D], str] = lambda done: ""
    analyses: bool = False

    @property
    def parameters(self) -> type[ParameterModel]:
        """What its notebook is told: the parameters of `load`, `run_id` and `write`."""
        told = inspect.signature(self.load, eval_str=True).parameters.values()
        fields: dict[str, Any] = {one.name: (one.annotation, one.default) for one in told}
        # Notebooks need what they declare: no value is turned into that of another type.
        strict = ConfigDict(frozen=True, extra="forbid", strict=True)
        base = type("StrictParameters", (ParameterModel,), {"model_config": strict})
        model: type[ParameterModel] = create_model(
            f"{self.name} parameters",
            __base__=base,
            **fields,
            run_id=(RunId, ""),
            write=(bool, True),
        )
        return model

    def check_told(self) -> None:
        """Refuse what the notebook was told and does not know, whoever told it.

        The batch checks before it starts a kernel; papermill alone, or a person, does not.

        Raises:
            SettingsError: a parameter that papermill injected is not declared, or a parameter has a
                value of another type, or one that is not allowed.
        """
        shell = get_ipython()
        if shell is None:
            return
        injected = (cell for cell in shell.user_ns["In"] if cell.startswith(INJECTED))
        assigned = (target.id for cell in injected for node in ast.parse(cell).body
                    if isinstance(node, ast.Assign)
                    for target in node.targets if isinstance(target, ast.Name))  # fmt: skip
        names = {*self.parameters.model_fields, *assigned} & set(shell.user_ns)
        self.validate_told({name: shell.user_ns[name] for name in sorted(names)})

    def validate_told(self, told: Mapping[str, Any]) -> None:
        """Refuse parameters of the notebook that are not known, or have a wrong value.

        Raises:
            SettingsError: the message names the parameter, and what is allowed.
        """
        try:
            self.parameters.model_validate(told)
        except ValidationError as error:
            first = error.errors()[0]
            name, notebook = first["loc"][0], f"{self.name}.ipynb"
            if first["type"] == "extra_forbidden":
                known = ", ".join(self.parameters.model_fields)
                raise SettingsError(
                    f"{notebook} declares no parameter {name}: it has {known}."
                ) from None
            raise SettingsError(f"The parameter {name} of {notebook}: {first['msg']}.") from None

    def write(self, done: D, *, write: bool = True, run_id: str = "") -> int:
        """Replace the stage's slices of the analysis database, in one transaction with the ledger.

        Args:
            done: what was computed.
            write: when False nothing is stored, and nothing is entered into the ledger.
            run_id: the batch's entry in the ledger; a new one when empty.

        Returns:
            The number of students; 0 when `write` is False.

        Raises:
            Locked: no `run_id` is given, and another run is at work.
        """
        if not write:
            return 0
        read = self.get_input(done)
        with open_run(read.workspace, self.name, read.term, read.number, run_id) as run:
            return self.save(run, done)

    def save(self, run: Run, done: D) -> int:
        """Store the same as `write`, for a run that is already in the ledger."""
        workspace = self.get_input(done).workspace
        return replace_slices(workspace, run, self.list_slices(done, run.run_id))

    def render_pages(self, done: D, *, write: bool = True) -> list[Path]:
        """Write the week's pages from what is stored so far, whatever ran; return the paths.

        One page is for each advisor; the head of department may have one as well. Nothing is
        written when `write` is False.

        Raises:
            SettingsError: the reports folder cannot be written to.
        """
        if not write:
            return []
        read = self.get_input(done)
        with read.workspace.open_college() as college:
            term, week = self._find_told_week(college, done)
            pages = from_store.render_week(read.workspace, college, term, week, read.folder)
        return [*pages, *self.write_head_page(done, read.folder)]

    def _find_told_week(self, college: College, done: D) -> tuple[Term, int]:
        """Return the term and the week in whose mail the stage tells what it has."""
        read = self.get_input(done)
        workspace = read.workspace
        position = college.find_college_week(workspace.today)
        # The batch enters a review under the week in which it is made, not under the exam's.
        run = find_last_run(workspace.store, self.name, status="done", term=read.term)
        week, name = (read.number if run is None else int(run["sem_week"])), read.term
        if is_reviewed_next_term(workspace.params.calendar, self.get_exam(done), week):
            later = [term.name for term in college.list_terms(position) if term.name > name]
            name = min(later, default=name)
        return find_term(college, name, position), week


@contextmanager
def open_run(
    workspace: Workspace, stage: str, term: str, week: int, run_id: str = ""
) -> Iterator[Run]:
    """Yield the ledger's entry for a run: the batch's when its id is given, else one by hand.

    Raises:
        EduMetricsError: the ledger has no run with this id.
        Locked: no id is given, and another run is at work.
    """
    # The batch that started this notebook holds the lock already: taking it again would fail.
    if run_id:
        yield run_log.load_run(workspace.store, run_id)
        return
    with (
        workspace.store.require_lock(),
        run_log.watch_run(
            workspace.store, workspace.params, stage, term, week, by_hand=True
        ) as run,
    ):
        yield run


def replace_slices(workspace: Workspace, run: Run, slices: Slices) -> int:
    """Replace slices and mark the run as done in one transaction.

    Returns:
        The number of rows of the first slice.
    """
    store, rows = workspace.store, []
    with store.start_transaction() as connection:
        for table, (frame, where) in slices.items():
            # The rows get the values of the slice: a row outside it would never be replaced.
            stamped = frame.assign(**{**where, "run_id": run.run_id, "computed_at": get_utc_now()})
            rows.append(store.replace_slice(connection, table, stamped, **where))
        run_log.mark_done(connection, run, sum(rows))
    # The first slice has one row per student, so its length is what the notebook reports.
    return rows[0]
