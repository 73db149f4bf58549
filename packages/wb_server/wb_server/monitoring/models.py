"""The model of the health endpoint."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field


class Health(BaseModel):
    """The service is up; how it is configured."""

    status: Literal["ok"] = "ok"
    version: str
    mode: Literal["hub", "local"]
    isolated: bool = Field(
        description="Whether users run as other system users or in other containers than the service."
    )
    notice: str | None = Field(None, description="What users should know, in one sentence.")
