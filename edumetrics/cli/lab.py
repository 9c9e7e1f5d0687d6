"""The command `edumetrics lab`: JupyterLab on the home."""

from __future__ import annotations

import os

import click

from edumetrics.cli.base import main, say


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def lab(options: tuple[str, ...]) -> None:
    """Open JupyterLab on the home, with a tour of it; OPTIONS go to JupyterLab."""
    from edumetrics import settings
    from edumetrics.batch.kernels import remove_secrets
    from edumetrics.onboarding.lab import CONFIG, build_command, prepare_lab

    home = settings.load().home
    tour = prepare_lab(home)
    command = build_command(home, tour, options)
    say(f"JupyterLab shows {home}; the notebooks in {tour.parent.name}/ are your own copies.")
    # Notebooks send no mail, and ask no language model.
    environ = {**remove_secrets(os.environ), "EDUMETRICS_HOME": str(home)}
    config = os.pathsep.join(filter(None, (str(CONFIG), environ.get("JUPYTER_CONFIG_PATH"))))
    environ |= {"JUPYTER_CONFIG_PATH": config, "JUPYTER_PLATFORM_DIRS": "1"}
    os.execve(command[0], command, environ)
