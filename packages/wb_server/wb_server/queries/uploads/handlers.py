"""Endpoints of uploads."""

from __future__ import annotations

from ...kit.endpoint import Call, Endpoint
from .models import (
    PartQuery,
    Upload,
    UploadLoad,
    UploadLoaded,
    UploadPreview,
    UploadRemoved,
    UploadRequest,
    UploadSource,
)
from .service import Uploads
from .store import PART_BYTES


def add(call: Call) -> Upload:
    """Announces a file that will be loaded into a table; its parts are sent next."""
    return call.service(Uploads).add(call.actor, call.body(UploadRequest))


def part(call: Call) -> Upload:
    """Sends a part of a file."""
    offset = call.query(PartQuery).offset
    return call.service(Uploads).write(call.actor, call.path["id"], offset, call.upload)


def preview(call: Call) -> UploadPreview:
    """The first rows of a file, as they will be read, and its columns."""
    return call.service(Uploads).preview(
        call.actor, call.path["id"], call.body(UploadSource), call.hang_up
    )


def load(call: Call) -> UploadLoaded:
    """Loads the rows of a file into a table: all or none."""
    return call.service(Uploads).load(
        call.actor, call.origin, call.path["id"], call.body(UploadLoad), call.hang_up
    )


def remove(call: Call) -> UploadRemoved:
    """Removes a file."""
    call.service(Uploads).remove(call.actor, call.path["id"])
    return UploadRemoved(removed=True)


ROUTES = [
    Endpoint(
        "POST",
        "/uploads",
        "upload.use",
        add,
        "Announce a file to load",
        Upload,
        body=UploadRequest,
        audit="upload.add",
        status=201,
        errors=(404, 413, 422, 429, 503),
    ),
    Endpoint(
        "POST",
        "/uploads/{id}/parts",
        "upload.use",
        part,
        "Send a part of a file",
        Upload,
        query=PartQuery,
        upload="application/octet-stream",
        max_body=PART_BYTES,
        errors=(404, 409, 413, 429, 503),
    ),
    Endpoint(
        "POST",
        "/uploads/{id}/preview",
        "upload.use",
        preview,
        "Show the first rows of a file",
        UploadPreview,
        body=UploadSource,
        errors=(404, 409, 422, 429),
        waits=True,
    ),
    # The broker audits loads.
    Endpoint(
        "POST",
        "/uploads/{id}/load",
        "upload.use",
        load,
        "Load a file into a table",
        UploadLoaded,
        body=UploadLoad,
        errors=(404, 409, 413, 422, 429, 502, 503, 504),
        waits=True,
    ),
    Endpoint(
        "DELETE",
        "/uploads/{id}",
        "upload.use",
        remove,
        "Remove a file",
        UploadRemoved,
    ),
]
