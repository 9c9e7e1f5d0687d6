"""Forecasts of failing, of exam scores and of subjects, with their evidence: frames in, frames out.

Nothing in this package reads the college or the database; `edumetrics.stages` does that.
"""
