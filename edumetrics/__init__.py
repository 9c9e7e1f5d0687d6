"""EduMetrics: academic-advisory analytics for colleges.

Data flows one way: from the college database through frames, scores, flags and forecasts to the
analysis database, and from there to reports and mail.
"""

# The ledger stores this version with every run.
__version__ = "0.1.0"
