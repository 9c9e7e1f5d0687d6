"""EduMetrics: academic-advisory analytics for colleges.

Data flows one way: from the college database through frames, scores, flags and forecasts to the
analysis database, and from there to reports and mail.

An analyst imports `queries`, `explore`, `policy`, `preview` and `interventions` from here.
"""

from importlib import import_module
from types import ModuleType

# The ledger stores this version with every run.
__version__ = "0.1.0"
# What an analyst calls, and where it is.
_OFFERED = {
    **{name: f"analyst.{name}" for name in ("explore", "policy", "preview", "queries")},
    "interventions": "interventions",
}


def __dir__() -> list[str]:
    # What TAB shows.
    return [*_OFFERED, "__version__"]


def __getattr__(name: str) -> ModuleType:
    # Only when asked for: these modules load pandas, and `edumetrics --help` must stay quick.
    if name not in _OFFERED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module(f"{__name__}.{_OFFERED[name]}")
