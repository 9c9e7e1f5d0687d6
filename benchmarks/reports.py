"""`make bench`: advisors' pages and mails, with and without the galaxy, against what a college needs.

A college of 600 is simulated and its week 10 stored; its ten advisors' frames are repeated for 200
advisors (of 60 students each, about 12 listed). Usage: python -m benchmarks.reports [--advisors
200].
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd
from joblib import Parallel, cpu_count, delayed

from edumetrics import database
from edumetrics.batch import backfill, progress
from edumetrics.inputs.terms import find_term
from edumetrics.mail.messages import Envelope, build_message
from edumetrics.params import Calendar
from edumetrics.reports import from_store, render
from edumetrics.reports.context import Occasion
from edumetrics.reports.model import Numbers, Report, StudentEntry
from edumetrics.reports.week_rows import WeekRows
from edumetrics.reports.weekly import build_weekly_reports
from edumetrics.settings import Settings
from edumetrics.simulator import generate, write
from edumetrics.workspace import open_workspace

WEEK = 10
SECONDS, A_SECOND_AND_CORE = 60, 20
IDS = ("student_id", "advisor_id", "class_id")


def college(home: Path) -> tuple[Occasion, WeekRows]:
    url = f"sqlite:///{home / 'college.db'}"
    workspace = open_workspace(Settings(home, "native", url, f"sqlite:///{home / 'analysis.db'}"))
    write.write_simulation(
        database.create_writable_engine(url), generate.plan_demo(600, 1, Calendar()), quiet=True
    )
    backfill.calibrate(workspace, progress.skip_line)
    with workspace.open_college() as college:
        term = find_term(college, "", college.find_college_week(workspace.today))
        occasion = from_store.read_occasion(workspace, college, "weekly", term, WEEK)
        return occasion, from_store._read_stored(workspace, college, term, WEEK)


def repeated(frame: pd.DataFrame, times: int) -> pd.DataFrame:
    """The frame again and again, about other people each time."""
    names = [name for name in IDS if name in frame]
    copies = [frame.assign(**{name: frame[name] + f"-{n}" for name in names}) for n in range(times)]
    return pd.concat(copies, ignore_index=True)


def several(occasion: Occasion, stored: WeekRows, times: int) -> tuple[Occasion, WeekRows]:
    frames = {field.name: getattr(stored, field.name) for field in fields(WeekRows)}
    many = {
        name: repeated(frame, times) if name not in ("health", "precision") else frame
        for name, frame in frames.items()
    }
    people = occasion.people
    emails = {
        f"{student}-{n}": address
        for student, address in people.emails.items()
        for n in range(times)
    }
    people = replace(people, names=repeated(people.names, times), emails=emails)
    return replace(occasion, people=people), WeekRows(**many)


def signed(entry: StudentEntry) -> str:
    return f"10-2N4-Q4KD-T8RM-B2HV-{entry.student_id[-4:]}"


def posted(report: Report) -> tuple[int, int]:
    envelope = Envelope(
        "a@college.example", "b@college.example", report.reader, "r@college.example", code=signed
    )
    message, _ = build_message(report, envelope)
    html = message.get_body(("html",))
    assert html is not None
    return len(render.render_page(report)), len(html.get_content().encode())


def plain(report: Report) -> Report:
    sections = tuple(
        replace(s, galaxy=None) if isinstance(s, Numbers) else s for s in report.sections
    )
    return replace(report, sections=sections)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--advisors", type=int, default=200)
    count = parser.parse_args().advisors
    with tempfile.TemporaryDirectory() as folder:
        occasion, stored = several(*college(Path(folder)), -(-count // 10))
    posted(build_weekly_reports(occasion, stored)[0])  # what is loaded once is not part of it
    cores = cpu_count()
    with Parallel(n_jobs=cores) as parallel:
        parallel(delayed(len)("warm") for _ in range(cores))
        began = time.perf_counter()
        made_ = build_weekly_reports(occasion, stored)[:count]
        viewed = time.perf_counter() - began
        sizes = parallel(delayed(posted)(report) for report in made_)
        together = time.perf_counter() - began
    listed = sum(
        len(stored.flags[stored.flags["advisor_id"] == report.advisor_id]) for report in made_
    ) / len(made_)
    began = time.perf_counter()
    for report in made_:
        posted(plain(report))
    alone = viewed + time.perf_counter() - began
    rate = len(made_) / alone
    page, mail = (max(sizes_) / 1024 for sizes_ in zip(*sizes, strict=True))
    print(f"{len(made_)} advisors, {listed:.1f} listed each, {cores} cores")
    print(f"  view models                 {viewed:6.2f} s")
    print(
        f"  pages and mails, galaxies   {together:6.2f} s   {together / SECONDS:.2f} of the {SECONDS} s there are"
    )
    asked = f"{rate / A_SECOND_AND_CORE:.1f} times {A_SECOND_AND_CORE} a second"
    print(f"  without galaxies, one core  {alone:6.2f} s   {asked}")
    print(f"  largest page {page:.0f} KB, largest mail {mail:.0f} KB of HTML")


if __name__ == "__main__":
    main()
