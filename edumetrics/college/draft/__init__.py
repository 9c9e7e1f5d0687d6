"""Draft a first mapping for a database that has no description."""
