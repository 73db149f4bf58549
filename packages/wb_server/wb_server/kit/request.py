"""The base of request models."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Request(BaseModel):
    """Base of request bodies: an unknown field is an error, so a typo doesn't go unnoticed."""

    model_config = ConfigDict(extra="forbid")
