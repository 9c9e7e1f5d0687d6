"""What requests are made of: texts that can be stored, numbers, and the workspace."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from pydantic import Field

from edumetrics.workspace import Workspace

# No database takes a null character; half of a letter is refused where JSON is read.
_STORABLE = r"^[^\x00]*$"
Text = Annotated[str, Field(max_length=200, pattern=_STORABLE)]
LongText = Annotated[str, Field(max_length=4000, pattern=_STORABLE)]
Number = Annotated[int, Field(ge=1, le=10_000)]


def get_workspace(request: Request) -> Workspace:
    """Return the workspace that the service was started with."""
    workspace: Workspace = request.app.state.workspace
    return workspace


Here = Annotated[Workspace, Depends(get_workspace)]
