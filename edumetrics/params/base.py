"""What all parameter models share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class ParameterModel(BaseModel):
    """The base of all parameter models: frozen, unknown keys forbidden."""

    # Otherwise a misspelt key would silently leave the default in force.
    model_config = ConfigDict(frozen=True, extra="forbid")
