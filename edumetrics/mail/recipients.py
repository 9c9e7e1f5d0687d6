"""To whom a week's letters go: advisors, their deputies, heads of department."""

from __future__ import annotations

from edumetrics.analysis.store import UNASSIGNED
from edumetrics.college.terms import College
from edumetrics.params import Deputy
from edumetrics.reports.hand_over import get_hand_over_reader
from edumetrics.workspace import Workspace


class Recipients:
    """The addresses of every reader, as they were when this was made."""

    def __init__(self, workspace: Workspace, college: College) -> None:
        # Addresses are read now, so that no connection to the college is open while mail is sent.
        self._triage, self._operator = workspace.params.triage, workspace.settings.operator_email
        mail, known = workspace.params.mail, college.advisors.dropna(subset=["email"])
        self.heads = {head.reader: head.address for head in mail.heads}
        self._addresses = {
            **dict(zip(known["advisor_id"], known["email"], strict=True)),
            **self.heads,
        }
        if person := self._triage.hand_over_to:
            self._addresses[get_hand_over_reader(person)] = person
        self._deputies = mail.find_deputies(workspace.today)

    def find_deputy(self, advisor: str) -> Deputy | None:
        """Return who has an advisor's mail instead of the advisor; None where nobody has."""
        return self._deputies.get(advisor)

    def find_address(self, advisor: str) -> str:
        """Return the address of an advisor's mail; empty where none is known.

        The list of students without an advisor goes to `unassigned_to`, else to the operator.
        """
        if deputy := self.find_deputy(advisor):
            return deputy.address
        if advisor != UNASSIGNED:
            return str(self._addresses.get(advisor, ""))
        other = self._triage.unassigned_to
        return str(self._addresses.get(other or "", "")) or self._operator
