"""What requests are made of: texts that can be stored, numbers, and the workspace."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from pydantic import AfterValidator, Field

from edumetrics.workspace import Workspace


def check_text(text: str) -> str:
    """Return a text that every database can hold.

    Raises:
        ValueError: it has a null character, or half of a letter.
    """
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("the text has a character that cannot be stored")
    return text


Text = Annotated[str, AfterValidator(check_text), Field(max_length=200)]
LongText = Annotated[str, AfterValidator(check_text), Field(max_length=4000)]
Number = Annotated[int, Field(ge=1, le=10_000)]
Page = Annotated[int, Field(ge=1, le=10_000)]


def get_workspace(request: Request) -> Workspace:
    """Return the workspace that the service was started with."""
    workspace: Workspace = request.app.state.workspace
    return workspace


Here = Annotated[Workspace, Depends(get_workspace)]
