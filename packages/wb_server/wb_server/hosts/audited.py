"""Runs a handler and records it in the audit log."""

from __future__ import annotations

from typing import Any

from ..kit.endpoint import Call, Endpoint, Outcome, Recorder
from ..kit.errors import Cancelled, WorkbenchError


def audited(recorder: Recorder, endpoint: Endpoint, call: Call, target: str | None) -> Any:
    """Runs an endpoint's handler, between two rows of the audit log if the endpoint has them.

    Args:
        recorder: writes the rows.
        endpoint: whose handler runs.
        call: the request.
        target: what the rows are about.
    """
    if endpoint.audit is None:
        return endpoint.handle(call)
    record = recorder.started(call.actor, call.origin, endpoint.audit, target=target)
    try:
        result = endpoint.handle(call)
    except WorkbenchError as error:
        recorder.finished(record, _outcome(error), code=error.code)
        raise
    except BaseException:
        recorder.finished(record, "failed", code="internal")
        raise
    failed = getattr(result, "ok", True) is False
    recorder.finished(
        record,
        "failed" if failed else "ok",
        code=getattr(result, "code", None) if failed else None,
        target=getattr(result, "name", None),
    )
    return result


def _outcome(error: WorkbenchError) -> Outcome:
    if isinstance(error, Cancelled):
        return "cancelled"
    return "refused" if error.status in (401, 403) else "failed"
