"""Trouble that people who do this job reported in public, made small."""
