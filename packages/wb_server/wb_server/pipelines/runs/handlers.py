"""Endpoints of runs."""

from __future__ import annotations

from ...kit.blobs import Blobs
from ...kit.endpoint import Call, Endpoint
from ..download import FileStream, pieces
from ..service import PipelineService
from .models import LogPage, LogQuery, RerunRequest, Run, RunDetail, RunPage, RunQuery, RunRequest
from .service import RunService


def start(call: Call) -> Run:
    """Starts a run with the rights of the pipeline's owner."""
    pipeline = call.service(PipelineService).saved(call.actor, call.path["id"])
    return call.service(RunService).trigger(call.actor, pipeline, call.body(RunRequest))


def list_(call: Call) -> RunPage:
    """Runs of the pipelines that you may see, newest first."""
    visible = call.service(PipelineService).names(call.actor)
    return call.service(RunService).list(call.actor, visible, call.query(RunQuery))


def get(call: Call) -> RunDetail:
    """A run with its tasks and their attempts."""
    return call.service(RunService).get(call.actor, call.path["id"])


def cancel(call: Call) -> Run:
    """Cancels a run; its kernels and queries end within seconds."""
    return call.service(RunService).cancel(call.actor, call.path["id"])


def rerun(call: Call) -> Run:
    """Reruns all tasks, the failed ones, or one."""
    return call.service(RunService).rerun(call.actor, call.path["id"], call.body(RerunRequest))


def log(call: Call) -> LogPage:
    """A page of an attempt's log."""
    return call.service(RunService).log(call.actor, call.path["id"], call.query(LogQuery).start)


def notebook(call: Call) -> FileStream:
    """The executed notebook of an attempt, as far as it has run."""
    content = call.service(RunService).notebook(call.actor, call.path["id"])
    return FileStream("application/x-ipynb+json", "executed.ipynb", iter([content]))


def artifact(call: Call) -> FileStream:
    """A file that a task made."""
    media_type, digest = call.service(RunService).artifact(
        call.actor, call.path["id"], call.path["task"], call.path["name"]
    )
    return FileStream(media_type, call.path["name"], pieces(call.service(Blobs), digest))


ROUTES = [
    Endpoint(
        "POST",
        "/pipelines/{id}/runs",
        "pipeline.run",
        start,
        "Start a run of a pipeline",
        Run,
        body=RunRequest,
        audit="run.start",
        status=201,
        errors=(404, 409, 422),
    ),
    Endpoint(
        "GET",
        "/runs",
        "pipeline.list",
        list_,
        "List runs, newest first",
        RunPage,
        query=RunQuery,
        errors=(404,),
    ),
    Endpoint(
        "GET",
        "/runs/{id}",
        "pipeline.see",
        get,
        "See a run with its tasks",
        RunDetail,
        errors=(404,),
    ),
    Endpoint(
        "POST",
        "/runs/{id}/cancel",
        "pipeline.run",
        cancel,
        "Cancel a run",
        Run,
        audit="run.cancel",
        errors=(404, 409),
    ),
    Endpoint(
        "POST",
        "/runs/{id}/rerun",
        "pipeline.run",
        rerun,
        "Rerun all tasks, the failed ones, or one",
        Run,
        body=RerunRequest,
        audit="run.rerun",
        status=201,
        errors=(404, 409),
    ),
    Endpoint(
        "GET",
        "/runs/{id}/artifacts/{task}/{name}",
        "pipeline.see",
        artifact,
        "Download a file that a task made",
        "application/octet-stream",
        audit="run.artifact",
        errors=(404,),
    ),
    Endpoint(
        "GET",
        "/attempts/{id}/log",
        "pipeline.see",
        log,
        "Read an attempt's log from an offset",
        LogPage,
        query=LogQuery,
        errors=(404,),
    ),
    Endpoint(
        "GET",
        "/attempts/{id}/notebook",
        "pipeline.see",
        notebook,
        "Download the executed notebook of an attempt",
        "application/octet-stream",
        audit="run.notebook",
        errors=(404,),
    ),
]
