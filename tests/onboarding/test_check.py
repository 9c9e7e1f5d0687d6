"""`edumetrics check` says how many students would be listed, without drawing up their lists."""

from __future__ import annotations

import re

from edumetrics.fields.reasons import RULES
from edumetrics.onboarding import check
from edumetrics.workspace import Workspace


def test_the_shares_are_those_of_the_stored_lists(environment: Workspace) -> None:
    said = "\n".join(check.check_college())
    at = {"term": "2026-01-05", "sem_week": 10}
    flags, metrics = (environment.store.read(name, **at) for name in ("weekly_flags", "weekly_metrics"))  # fmt: skip
    told = [{record["code"] for record in records} for records in flags["reasons"]]
    wanted = {rule: sum(rule in codes for codes in told) for rule in RULES}
    assert wanted["low_attendance"] and wanted["deadline"], "some are listed by a rule"
    for name, count in {**wanted, "on a list": len(flags)}.items():
        shown = re.search(rf"^  {name.replace('_', ' ')} +(\d+)% of the students$", said, re.M)
        assert shown is not None and shown[1] == f"{100 * count / len(metrics):.0f}", name
