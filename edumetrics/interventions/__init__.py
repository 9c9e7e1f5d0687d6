"""The intervention log: what people did about a list. Recalculation and rollback never change it.

`log` enters one contact, and `form` does the same in JupyterLab. `from_csv` and `from_mail` enter
many contacts and report the ones that they refused.
"""

from edumetrics.interventions.entries import KINDS, Intervention, log
from edumetrics.interventions.form import form
from edumetrics.interventions.many import Refusal, Taken, from_csv
from edumetrics.interventions.replies import from_mail

__all__ = ["KINDS", "Intervention", "Refusal", "Taken", "form", "from_csv", "from_mail", "log"]
