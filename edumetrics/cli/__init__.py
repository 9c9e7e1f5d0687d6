"""Commands and exit codes, nothing else. A module for each kind of command adds its own to `main`."""

from edumetrics.cli import batch, connect, made, people, show
from edumetrics.cli.base import main

__all__ = ["batch", "connect", "made", "main", "people", "show"]
