"""Scoring: pure functions, frames in, frames out; no database, clock or plotting.

Arrays are aligned with the roll (one row per student scored in the week); a matrix of students by weeks has one column
per semester week, column 0 unused, so that `matrix[:, week]` reads as it sounds.
"""
