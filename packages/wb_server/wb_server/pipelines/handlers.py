"""Endpoints of pipelines."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ..governance.owned.handlers import routes
from ..kit.blobs import Blobs
from ..kit.endpoint import Call, Endpoint
from ..kit.request import Count
from ..user_server.folder import MAX_SNAPSHOT
from .definitions import Definitions
from .dependents import DependentPipelines
from .download import FileStream, pieces
from .models import (
    Approve,
    Dependents,
    FilePath,
    PipelineCheck,
    PipelineChecked,
    PipelineList,
    PipelineListQuery,
    PipelinePatch,
    PipelineSave,
    PipelineSaved,
    PipelineView,
    Restore,
    Version,
    VersionList,
)
from .runs.models import RunDate
from .service import PipelineService

# Base64 adds a third; the pipeline file and the paths come on top.
_MAX_BODY = MAX_SNAPSHOT * 4 // 3 + 2**20


class FormQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    date: RunDate | None = Field(None, description="The day that a run would be for.")


class FileQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: FilePath


class VersionsQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    before: Count | None = Field(None, ge=1, description="Only versions older than this one.")


def list_(call: Call) -> PipelineList:
    """The pipelines that you may see, by name."""
    return call.service(PipelineService).page(call.actor, call.query(PipelineListQuery))


def check(call: Call) -> PipelineChecked:
    """All problems of a file, each with its position."""
    return call.service(PipelineService).check(call.actor, call.body(PipelineCheck))


def schema(call: Call) -> dict[str, Any]:
    """The JSON Schema of ``*.pipeline.yaml``."""
    return call.service(Definitions).schema()


def create(call: Call) -> PipelineSaved:
    """Adds a pipeline."""
    return call.service(PipelineService).create(call.actor, call.body(PipelineSave))


def save(call: Call) -> PipelineSaved:
    """Saves a new version."""
    return call.service(PipelineService).save(call.actor, call.path["id"], call.body(PipelineSave))


def patch(call: Call) -> PipelineView:
    """Pauses or resumes the schedule."""
    return call.service(PipelineService).patch(
        call.actor, call.path["id"], call.body(PipelinePatch)
    )


def dependents(call: Call) -> Dependents:
    """The pipelines that use a connection: their newest version, or the one that runs."""
    return call.service(DependentPipelines).of(call.actor, call.path["id"])


def form(call: Call) -> dict[str, Any]:
    """JSON Schema of the parameters, with their current defaults, or those for a day."""
    day = call.query(FormQuery).date
    return call.service(PipelineService).form(call.actor, call.path["id"], day)


def versions(call: Call) -> VersionList:
    """The versions with their changes, newest first."""
    query = call.query(VersionsQuery)
    return VersionList(
        items=call.service(PipelineService).versions(call.actor, call.path["id"], query.before)
    )


def version(call: Call) -> Version:
    """One version in full."""
    return call.service(PipelineService).version(call.actor, call.path["id"], _number(call))


def file(call: Call) -> FileStream:
    """A file of a version's folder, exactly as saved."""
    path = call.query(FileQuery).path
    digest = call.service(PipelineService).file(call.actor, call.path["id"], _number(call), path)
    name = path.rpartition("/")[2]
    return FileStream("application/octet-stream", name, pieces(call.service(Blobs), digest))


def _number(call: Call) -> int:
    number = call.path["number"]
    return int(number) if number.isdecimal() and len(number) < 9 else 0


def restore_version(call: Call) -> PipelineView:
    """Saves an older version's file and folder as a new version."""
    return call.service(PipelineService).restore_version(
        call.actor, call.path["id"], call.body(Restore).version
    )


def approve(call: Call) -> PipelineView:
    """Lets a version run from now on."""
    return call.service(PipelineService).approve(
        call.actor, call.path["id"], call.body(Approve).version
    )


ROUTES = [
    Endpoint(
        "GET",
        "/pipelines",
        "pipeline.list",
        list_,
        "List the pipelines that you may see",
        PipelineList,
        query=PipelineListQuery,
    ),
    Endpoint(
        "GET",
        "/connections/{id}/pipelines",
        "connection.see",
        dependents,
        "List the pipelines that use a connection",
        Dependents,
        errors=(404,),
    ),
    Endpoint(
        "POST",
        "/pipelines",
        "pipeline.create",
        create,
        "Add a pipeline",
        PipelineSaved,
        body=PipelineSave,
        audit="pipeline.create",
        status=201,
        errors=(409, 413),
        max_body=_MAX_BODY,
    ),
    Endpoint(
        "POST",
        "/pipelines/check",
        "pipeline.check",
        check,
        "Check a pipeline's file",
        PipelineChecked,
        body=PipelineCheck,
        errors=(404,),
    ),
    Endpoint(
        "GET",
        "/pipelines/schema",
        "pipeline.check",
        schema,
        "The JSON Schema of a pipeline's file",
        "application/json",
    ),
    Endpoint(
        "POST",
        "/pipelines/{id}",
        "pipeline.update",
        save,
        "Save a new version of a pipeline",
        PipelineSaved,
        body=PipelineSave,
        audit="pipeline.save",
        errors=(404, 409, 413),
        max_body=_MAX_BODY,
    ),
    Endpoint(
        "PATCH",
        "/pipelines/{id}",
        "pipeline.update",
        patch,
        "Pause or resume a pipeline's schedule",
        PipelineView,
        body=PipelinePatch,
        audit="pipeline.pause",
        errors=(404, 409),
    ),
    Endpoint(
        "GET",
        "/pipelines/{id}/form",
        "pipeline.see",
        form,
        "The JSON Schema of a pipeline's parameters",
        "application/json",
        query=FormQuery,
        errors=(404,),
    ),
    Endpoint(
        "GET",
        "/pipelines/{id}/versions",
        "pipeline.see",
        versions,
        "List a pipeline's versions with their changes",
        VersionList,
        query=VersionsQuery,
        errors=(404,),
    ),
    Endpoint(
        "GET",
        "/pipelines/{id}/versions/{number}",
        "pipeline.see",
        version,
        "See one version of a pipeline",
        Version,
        errors=(404,),
    ),
    Endpoint(
        "GET",
        "/pipelines/{id}/versions/{number}/file",
        "pipeline.see",
        file,
        "Download a file of a version's folder",
        "application/octet-stream",
        query=FileQuery,
        errors=(404,),
    ),
    Endpoint(
        "POST",
        "/pipelines/{id}/versions",
        "pipeline.update",
        restore_version,
        "Save an older version as the newest one",
        PipelineView,
        body=Restore,
        audit="pipeline.save",
        errors=(404, 409),
    ),
    Endpoint(
        "POST",
        "/pipelines/{id}/approve",
        "pipeline.approve",
        approve,
        "Approve a version",
        PipelineView,
        body=Approve,
        audit="pipeline.approve",
        errors=(404, 409),
    ),
    *routes(PipelineService, PipelineView),
]
