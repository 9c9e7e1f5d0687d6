"""Alembic migrations of the analysis database."""
