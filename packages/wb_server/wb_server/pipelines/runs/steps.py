"""What the steps of a run are told, and what they answer: ``run_transitions.py`` and ``task_transitions.py`` make them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from .models import Trigger

Concurrency = Literal["queue", "skip", "cancel_older"]
Ending = Literal["succeeded", "failed", "cancelled", "lost"]

# A task whose worker is lost is tried again without counting as a retry, but not for ever: what
# kills its worker each time would kill them all.
MAX_LOST = 3
# Seconds that a retry waits at most, however its delay grows.
MAX_RETRY_DELAY = 3600.0


@dataclass(frozen=True)
class NewTask:
    """A task of a run that is about to be.

    Attributes:
        taken: of a re-run, the task run whose success stands for this task.
        outputs: of that one.
        left_out: of a re-run, whether it is no part of it.
    """

    task: str
    type: str
    needs: Sequence[str]
    retries: int = 0
    retry_delay: float = 0.0
    retry_factor: float = 1.0
    taken: str | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    left_out: bool = False


@dataclass(frozen=True)
class NewRun:
    """A run that is about to be.

    Attributes:
        refused: code and message of why it can't begin: it is added as one that failed.
    """

    pipeline_id: str
    version: int
    trigger: Trigger
    triggered_by: str
    run_as: str
    parameters: Mapping[str, Any]
    logical_at: datetime
    tasks: Sequence[NewTask]
    concurrency: Concurrency = "queue"
    idempotency_key: str | None = None
    fire_at: datetime | None = None
    rerun_of: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    refused: tuple[str, str] | None = None


@dataclass(frozen=True)
class Step:
    """What a step came to.

    Attributes:
        run_id: the run; of a second request with the same key, the first one's.
        ready: ids of task runs to ring.
        ended: the state that the run ended in by this step.
        done: whether this call did it; false where somebody else had before.
        claim: a task that was claimed in the same step.
    """

    run_id: str
    ready: Sequence[str] = ()
    ended: str | None = None
    done: bool = True
    claim: Claim | None = None


@dataclass(frozen=True)
class Claim:
    """An attempt that a worker has just begun."""

    attempt_id: str
    task_run_id: str
    run_id: str
    task: str
    type: str
    number: int
    fence: int
    run: sa.RowMapping
    kernels: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class StoredFile:
    """A file of an attempt that is stored already."""

    name: str
    media_type: str
    digest: str
    size: int


@dataclass(frozen=True)
class End:
    """How an attempt ended, with its last words.

    Attributes:
        retry: whether a failure may be tried again, if there are retries left.
        outputs: of one that succeeded; ``files`` too.
        log: rows of the log that aren't written yet; ``tables`` rows of tables that were used.
        progress: how far it came; ``None`` leaves what was noted.
    """

    ending: Ending
    code: str | None = None
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    retry: bool = True
    outputs: Mapping[str, Any] = field(default_factory=dict)
    files: Sequence[StoredFile] = ()
    log: Sequence[Mapping[str, Any]] = ()
    tables: Sequence[Mapping[str, Any]] = ()
    progress: Mapping[str, Any] | None = None
