"""Commands and exit codes, nothing else: each module adds its own commands to `main`."""

# The imports register the commands: without them `main` would be an empty group.
from edumetrics.cli import batch, connect, made, people, show
from edumetrics.cli.base import main

__all__ = ["batch", "connect", "made", "main", "people", "show"]
