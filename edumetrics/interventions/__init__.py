"""The intervention log: what people did about a list. Recalculation and rollback never change it.

`log` enters one contact, and `form` does the same in JupyterLab. `import_csv` and `import_mail`
enter many contacts and report the ones that they refused.
"""

from edumetrics.interventions.csv_import import ImportResult, Refusal, import_csv
from edumetrics.interventions.entries import KINDS, Intervention, log
from edumetrics.interventions.form import form
from edumetrics.interventions.replies import import_mail

__all__ = [
    "KINDS",
    "ImportResult",
    "Intervention",
    "Refusal",
    "form",
    "import_csv",
    "import_mail",
    "log",
]


def __dir__() -> list[str]:
    # What TAB shows.
    return __all__
