"""The models of pipelines, on the wire and between rooms."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ..governance.owned.models import OwnedThing, OwnedView, Owner
from ..kit.request import Count, Request
from ..user_server.folder import MAX_FILES
from .definition.problems import Problem
from .runs.models import RunSummary

MAX_TEXT = 256 * 1024

FilePath = Annotated[
    str,
    StringConstraints(max_length=255, pattern=r"^[^/\\\x00-\x1f][^\\\x00-\x1f]*$"),
    Field(description="The path of a file in the pipeline's folder, separated by `/`."),
]


class Pipeline(OwnedThing):
    """A pipeline as rooms pass it to each other. What it does is in its versions."""

    thing = "pipeline"
    plural = "pipelines"

    description: str = ""
    labels: list[str] = Field(default=[])
    head: int = Field(description="The newest version.")
    approved: int | None = Field(
        default=None,
        description="The version that runs. It is older than `head` while a change waits for approval, "
        "and `null` if the owner has approved none.",
    )
    paused: bool = False
    fired_to: datetime = Field(description="The time up to which its schedule was processed.")
    next_fire_at: datetime | None = None

    def search_text(self) -> str:
        """Its name, description and labels."""
        return f"{self.name} {self.description} {' '.join(self.labels)}"


class PipelineView(OwnedView, Pipeline):
    """A pipeline as a given actor sees it."""

    last_run: RunSummary | None = None


class PipelineSaved(PipelineView):
    """A pipeline that was just saved."""

    warnings: list[Problem] = Field(
        default=[], description="What its file promises without effect, each with its position."
    )


class PipelineList(BaseModel):
    items: list[PipelineView]
    next: str | None = Field(description="The cursor of the next page.")


class PipelineListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    search: str = Field("", max_length=200, description="Words in name, description or labels.")
    label: str = Field("", max_length=63)
    deleted: bool = Field(False, description="List deleted ones, which can be restored, instead.")
    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(None, max_length=200)


class Version(BaseModel):
    """One saved state of the file, with a copy of its folder."""

    number: int
    text: str
    files: dict[str, str] = Field(description="Path in the folder -> SHA-256 of the content.")
    author: str
    note: str = ""
    created_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    approved_for: str | None = Field(
        None, description="The owner whose rights it may use: `user:<name>` or `team:<group>`."
    )


class VersionSummary(BaseModel):
    """A version in a list."""

    number: int
    author: str
    note: str
    created_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    approved_for: str | None
    files: list[str] = Field(description="The paths in its folder.")
    diff: str = Field(
        description="The changes from the previous version, as a unified diff of the file."
    )


class VersionList(BaseModel):
    items: list[VersionSummary]


class PipelineSave(Request):
    """The file and its folder."""

    text: str = Field(max_length=MAX_TEXT, description="The `*.pipeline.yaml` file.")
    files: dict[FilePath, str] = Field(
        default={},
        max_length=MAX_FILES,
        description="The other files of its folder: path -> content in Base64.",
    )
    keep_files: bool = Field(
        False, description="Use the files of the newest version instead of `files`."
    )
    note: str = Field("", max_length=500, description="What changed, for the list of versions.")
    version: Count | None = Field(
        None,
        description="The pipeline's `version` that was edited. If there is a newer one, the answer is a "
        "conflict.",
    )


class PipelineCheck(Request):
    """A file to check, without saving it."""

    text: str = Field(max_length=MAX_TEXT)
    files: list[FilePath] = Field(default=[], max_length=MAX_FILES, description="Their paths.")
    pipeline_id: str | None = None


class PipelineChecked(BaseModel):
    """All problems of a file, each with its position."""

    ok: bool
    problems: list[Problem]
    warnings: list[Problem] = Field(description="What it promises without effect.")
    parameters: dict[str, Any] | None = Field(
        None, description="JSON Schema of the parameters, for a form."
    )


class Dependent(BaseModel):
    """A pipeline that uses a connection."""

    id: str
    name: str
    owner: Owner


class Dependents(BaseModel):
    items: list[Dependent]


class PipelinePatch(Request):
    """The changes to a pipeline that make no new version."""

    paused: bool


class Approve(Request):
    version: Count = Field(description="The version that may run from now on.")


class Restore(Request):
    version: Count = Field(description="The version whose file and folder become the newest one.")
