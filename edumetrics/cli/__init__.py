"""Commands and exit codes, nothing else: each module adds its own commands to `main`."""

# The imports register the commands: without them `main` would be an empty group.
from edumetrics.cli import demo, lab, onboard, people, run, serve, show
from edumetrics.cli.base import main

__all__ = ["demo", "lab", "main", "onboard", "people", "run", "serve", "show"]
