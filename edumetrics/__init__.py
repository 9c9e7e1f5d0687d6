"""EduMetrics: academic-advisory analytics for colleges.

Data flows one way: college database, frames, scores, flags and forecasts, analysis database, reports, mail.
"""

__version__ = "0.1.0"
