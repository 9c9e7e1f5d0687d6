"""What the columns of forecasts mean by their words: the cuts of risk_label, and the baseline."""

from __future__ import annotations

# Chances from which a risk is MEDIUM and HIGH, on calibrated probabilities; watchlists and the
# outlooks of exams use the same limits.
LOW, HIGH = 0.35, 0.60
# The model_id of a chance that no model has said.
BASELINE = "baseline"
