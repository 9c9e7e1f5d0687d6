"""Scoring: pure functions from frames to frames, without database, clock or plots.

Arrays are aligned with the roll: one row per student who is scored in the week. A matrix of
students by weeks has one column per semester week. Column 0 is not used, so `matrix[:, week]` is
the column of that week.
"""
