"""Who may read which rows: one function that everything read over HTTP passes, and a log of it."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from edumetrics.analysis.store import Store, get_utc_now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.analysis.week_state import find_newest_week
from edumetrics.analysis.written import Subject
from edumetrics.errors import SettingsError
from edumetrics.params import Head
from edumetrics.service.accounts import ADVISOR, ALL_CLASSES, HEAD, Account
from edumetrics.workspace import Workspace

LOG, METRICS, ABOUT = (
    SQL_TABLES[name] for name in ("access_log", "weekly_metrics", "written_about")
)
# Both tables that know a student: new students are on a watchlist before their first week.
KNOWING = ("weekly_metrics", "pre_sem_watchlist")


class Forbidden(Exception):
    """The role does not allow it."""

    def __init__(self) -> None:
        super().__init__("Your role does not allow this.")


class UnknownStudent(SettingsError):
    """There is no such student, or not for this account: nobody is told which."""

    def __init__(self) -> None:
        super().__init__("There is no such student among yours: check the id.")


def limit_store(workspace: Workspace, account: Account) -> Store:
    """Return the analysis database with the rows that an account may read.

    An advisor reads the rows of own students: whose last analysed week in the newest term has this
    advisor, so that of who has left the college the last advisor still reads; and whoever the
    newest report to the advisor is about, with the students whose second advisor this is. A head
    reads the rows of own classes. Analysts and operators read all.
    """
    store = workspace.store
    if account.role == ADVISOR:
        return store.limit_to("student_id", _find_students(store, account.person))
    if account.role == HEAD:
        classes = find_head(workspace, account).classes
        return store.limit_to("class_id", classes) if classes else store
    return store


def find_head(workspace: Workspace, account: Account) -> Head:
    """Return which classes a head has, as mail.yml says now; none at all where it no longer does.

    An account for all classes has no classes, which stands for every one.
    """
    if account.person == ALL_CLASSES:
        return Head()
    heads = {head.name: head for head in workspace.params.mail.heads}
    # No class has an empty id.
    return heads.get(account.person, Head(classes=("",)))


def _find_students(store: Store, advisor: str) -> set[str]:
    term, week = find_newest_week(store)
    here = METRICS.c.term == term
    ever = sa.select(METRICS.c.student_id).where(here, METRICS.c.advisor_id == advisor)
    last = (
        sa.select(METRICS.c.student_id, sa.func.max(METRICS.c.sem_week).label("sem_week"))
        .where(here, METRICS.c.student_id.in_(ever))
        .group_by(METRICS.c.student_id)
        .subquery()
    )
    same = sa.and_(METRICS.c.student_id == last.c.student_id, METRICS.c.sem_week == last.c.sem_week)
    own = sa.select(METRICS.c.student_id).join(last, same)
    about = Subject(term, week, advisor).key
    named = sa.select(ABOUT.c.student_id).where(ABOUT.c.about == about)
    with store.connect() as connection:
        mine = connection.execute(own.where(here, METRICS.c.advisor_id == advisor)).scalars()
        return {*mine, *connection.execute(named).scalars()}


def require_student(limited: Store, student: str) -> None:
    """Make sure that a limited store has a row of a student.

    Raises:
        UnknownStudent: it has none.
    """
    columns = ("student_id", "class_id")
    if not any(len(limited.read(table, columns, student_id=student)) for table in KNOWING):
        raise UnknownStudent


def record_reads(
    store: Store, account: Account, students: Iterable[str], term: str, what: str
) -> None:
    """Record that an account read something about students.

    Args:
        store: the analysis database.
        account: who read.
        students: about whom, with repeats.
        term: the term of what was read; it is kept as long as that.
        what: the question or page.
    """
    entry = {"username": account.username, "term": term, "what": what, "read_at": get_utc_now()}
    rows = [{**entry, "student_id": student} for student in sorted(set(students))]
    if rows:
        with store.start_transaction() as connection:
            connection.execute(sa.insert(LOG), rows)
