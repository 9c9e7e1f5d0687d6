"""EduMetrics: academic-advisory analytics for colleges.

Data flows one way: from the college database through frames, scores, flags and forecasts to the
analysis database, and from there to reports and mail.

An analyst imports `queries`, `explore`, `policy` and `preview` from here.
"""

from importlib import import_module
from types import ModuleType

# The ledger stores this version with every run.
__version__ = "0.1.0"
# What an analyst calls, of the package `analyst`.
_OFFERED = ("explore", "policy", "preview", "queries")


def __getattr__(name: str) -> ModuleType:
    # Only when asked for: these modules load pandas, and `edumetrics --help` must stay quick.
    if name not in _OFFERED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.analyst.{name}")
