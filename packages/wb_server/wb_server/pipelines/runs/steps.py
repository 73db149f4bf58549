"""The arguments and results of ``run_transitions.py`` and ``task_transitions.py``."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from .models import Trigger

Concurrency = Literal["queue", "skip", "cancel_older"]
Ending = Literal["succeeded", "failed", "cancelled", "lost", "held"]

# A lost worker doesn't cost its task a retry, but the number of losses is limited: a task that kills its
# worker each time would kill them all.
MAX_LOST = 3
# How long a task run that the Workbench held up waits before it is tried again, in seconds: half the time
# for which it has been held up, within these bounds.
HELD_DELAYS = (5.0, 60.0)
# The code of an attempt whose worker was terminated: it uses up nothing, and another worker may begin at
# once.
WORKER_STOPPED = "worker_stopped"
# The maximum delay of a retry in seconds, however often it was doubled.
MAX_RETRY_DELAY = 3600.0


@dataclass(frozen=True)
class NewTask:
    """A task of a new run.

    Attributes:
        taken: in a rerun, the earlier task run whose success is reused for this task.
        outputs: the outputs of that task run.
        left_out: in a rerun, whether this task isn't part of it.
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
    """A run to create.

    Attributes:
        given: the names of the parameters that were given, rather than defaults.
        dated: whether ``logical_at`` was given by the caller, rather than being the current time.
        refused: the code and message of why it can't start; it is then added as failed.
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
    given: Collection[str] | None = None
    dated: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    refused: tuple[str, str] | None = None


@dataclass(frozen=True)
class Step:
    """The result of a transition.

    Attributes:
        run_id: the run; for a second request with the same key, the first one's run.
        ready: the ids of task runs to ring.
        ended: the final state of the run, if this transition ended it.
        done: whether this call made the transition; false if another one was first.
        claim: a task run that was claimed in the same transaction.
    """

    run_id: str
    ready: Sequence[str] = ()
    ended: str | None = None
    done: bool = True
    claim: Claim | None = None


@dataclass(frozen=True)
class Claim:
    """An attempt that a worker has just started."""

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
    """A file of an attempt that is already stored."""

    name: str
    media_type: str
    digest: str
    size: int


@dataclass(frozen=True)
class End:
    """How an attempt ended, with what it reported since the last flush.

    Attributes:
        retry: whether a failure may be retried, if there are retries left.
        outputs: its outputs if it succeeded.
        files: its artifacts if it succeeded.
        log: the rows of its log that aren't written yet.
        tables: the rows of tables it used that aren't written yet.
        progress: its last progress; ``None`` keeps what is recorded.
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
