"""The base of what comes in over the wire."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Request(BaseModel):
    """Base of request bodies: unknown fields are an error, so that a typo is not ignored."""

    model_config = ConfigDict(extra="forbid")
