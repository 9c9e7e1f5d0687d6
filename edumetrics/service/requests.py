"""What requests are made of: texts that can be stored, numbers, and the workspace."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from pydantic import Field

from edumetrics.params import load
from edumetrics.params.files import find_shipped
from edumetrics.workspace import Workspace

# No database takes a null character; half of a letter is refused where JSON is read.
_STORABLE = r"^[^\x00]*$"
Text = Annotated[str, Field(max_length=200, pattern=_STORABLE)]
LongText = Annotated[str, Field(max_length=4000, pattern=_STORABLE)]
Number = Annotated[int, Field(ge=1, le=10_000)]


def get_workspace(request: Request) -> Workspace:
    """Return the workspace that the service was started with, with the exclusions of now.

    Raises:
        SettingsError: the parameters were changed, and are not valid.
    """
    state = request.app.state
    workspace: Workspace = state.workspace
    stamp = stamp_exclusions(workspace)
    # An exclusion holds from the moment it is entered, also where the service is at work.
    if stamp != state.stamp:
        chosen = workspace.settings
        hidden = load(chosen.params, chosen.college).scoring.exclusions
        workspace = workspace.exclude(hidden)
        # Whom nobody is shown is part of what answers are kept by.
        state.workspace = state.answers.workspace = workspace
        state.stamp = stamp
    return workspace


def stamp_exclusions(workspace: Workspace) -> tuple[int, int]:
    """Return what changes with the file that names the exclusions."""
    found = find_shipped(workspace.settings.params, "scoring.yml").stat()
    return found.st_mtime_ns, found.st_size


Here = Annotated[Workspace, Depends(get_workspace)]
