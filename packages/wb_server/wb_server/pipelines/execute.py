"""Executes attempts of tasks: claims a task run, runs it by its type, and records the outcome.

A worker has a fixed number of slots, each a thread. No user code runs in the worker: SQL runs in its
source, a notebook in its owner's server. A keeper thread renews leases, enforces cancellations and
deadlines, and writes logs. Another thread checks that each run may still use the rights that it has.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ..kit import clock
from ..kit.blobs import Blobs
from ..kit.disk import has_room, is_full
from ..kit.endpoint import HangUp, Origin
from ..kit.errors import Unprocessable, WorkbenchError
from .abilities import Abilities
from .accounts import Accounts
from .definition.fields import write_duration
from .definitions import Definitions, scope_of
from .recorder import AttemptRecorder, checked_outputs, keepable
from .running_attempt import STORAGE, RunningAttempt, Stopped
from .runs.notes import Notes
from .runs.steps import WORKER_STOPPED, Claim, End, Ending, Step, StoredFile
from .runs.store import RunStore
from .runs.task_transitions import TaskTransitions
from .tasks.base import Artifact, Attempt, TaskFailed, TaskResult, TaskType

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.5
_RIGHTS_SECONDS = 3.0
# Not the task's fault: the Workbench itself can't go on. The task run is held up, and tried again.
_OURS = STORAGE | {"hub_down", "no_server_free", "too_many_queries", "too_many_waiting"}

_WHY: dict[Stopped, tuple[Ending, str, str]] = {
    "cancelled": ("cancelled", "cancelled", "The run was cancelled."),
    "shutdown": ("held", WORKER_STOPPED, "The worker was stopped."),
}


_NO_ROOM = "The disk on which the Workbench keeps files of tasks is full. Tell an administrator."

_NO_TURN = (
    "No place for its query was free within the task's timeout, because of a limit of concurrent queries. "
    "It is tried again."
)


def _timed_out(seconds: float) -> str:
    return (
        f"The task exceeded its timeout of {write_duration(timedelta(seconds=seconds))}. Whoever may edit "
        "the pipeline can set a longer `timeout` for it."
    )


class Executor:
    """Runs attempts, and renews, cancels and times them out.

    Args:
        name: identifies this process among those that run attempts.
        lease: seconds without renewal after which a worker loses its attempts.
        slots: the maximum number of concurrent attempts.
        folders: where it stores what tasks make, for now or for good.
        abilities: what this worker can run; ``None``: everything.
        changed: called with every step that the end of an attempt causes.
        news: called with a run's id when one of its attempts has logged or reported something.
    """

    def __init__(
        self,
        transitions: TaskTransitions,
        notes: Notes,
        store: RunStore,
        definitions: Definitions,
        types: Mapping[str, TaskType],
        accounts: Accounts,
        blobs: Blobs,
        *,
        name: str,
        lease: float,
        slots: int,
        folders: Sequence[Path],
        abilities: Abilities | None,
        changed: Callable[[Step], None],
        news: Callable[[str], None],
    ) -> None:
        self._transitions = transitions
        self._notes = notes
        self._store = store
        self._definitions = definitions
        self._types = types
        self._accounts = accounts
        self._blobs = blobs
        self.name = name
        self._lease = lease
        self._folders = folders
        self._abilities = abilities
        self._changed = changed
        self._news = news
        self._slots = threading.Semaphore(slots)
        # By attempt, not by task run: this process may run two attempts of one task run, of which
        # one has lost its lease.
        self._running: dict[str, RunningAttempt] = {}
        self._performing = 0
        # Whether a task found the disk full: then what it held up isn't tried again before there is room.
        self._full = False
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="wb-keeper", daemon=True)
        self._keeper.start()
        # A separate thread: the Hub may answer slowly, and leases must not wait for it.
        threading.Thread(target=self._watch, name="wb-rights", daemon=True).start()

    # --- taking work --------------------------------------------------------------------------

    def accept(self, task_run_id: str) -> None:
        """Takes a ring: waits for a free slot and starts the work there."""
        while not self._slots.acquire(timeout=0.5):
            if self._stopping.is_set():
                return
        threading.Thread(
            target=self._in_slot, args=(task_run_id,), name="wb-attempt", daemon=True
        ).start()

    def _in_slot(self, task_run_id: str) -> None:
        try:
            self.perform(task_run_id)
        finally:
            self._slots.release()

    def perform(self, task_run_id: str) -> None:
        """Runs a task run in the caller's thread, then one that it made ready, and so on."""
        with self._lock:
            self._performing += 1
        try:
            self._perform(task_run_id)
        finally:
            with self._lock:
                self._performing -= 1

    def _perform(self, task_run_id: str) -> None:
        try:
            lacking = self._abilities.lacks(task_run_id) if self._abilities else None
            if lacking is not None:
                self._transitions.wait_for(task_run_id, "no_worker", lacking)
                return
            claim = self._transitions.claim(
                task_run_id, self.name, self._lease, held=self._has_room()
            )
        except WorkbenchError as error:
            # The metadata database is down: the reconciler rings again.
            log.warning("a task run was not claimed: %s", error.message)
            return
        while claim is not None:
            step = self._attempt(claim)
            if step is None:
                return
            self._changed(step)
            claim = step.claim

    # --- one attempt ---------------------------------------------------------------------------

    def _attempt(self, claim: Claim) -> Step | None:
        began = clock.monotonic()
        record = AttemptRecorder(claim, self._notes, self._store, self._blobs)
        running = RunningAttempt(claim, HangUp(), began + 3600, record, began + self._lease)
        record.storing = running.stored
        with self._lock:
            self._running[claim.attempt_id] = running
        ending: Ending = "failed"
        code: str | None = None
        message, retry = "", True
        details: Mapping[str, Any] = {}
        outputs: Mapping[str, Any] = {}
        files: list[StoredFile] = []
        try:
            result = self._run(claim, running)
            outputs = checked_outputs(result.outputs)
            files = [
                running.stored(partial(self._stored, artifact)) for artifact in result.artifacts
            ]
            ending, message = "succeeded", result.note
        except TaskFailed as error:
            code, message, retry, details = error.code, error.message, error.retry, error.details
        except WorkbenchError as error:
            code, message, details = error.code, error.message, error.details
            retry = error.status >= 429  # lower ones are mistakes: a retry would fail too
        except Exception as error:
            if is_full(error):
                code, message = "storage_full", _NO_ROOM
            else:
                log.exception("a task failed with an internal error")
                code, message = "internal", "An error occurred in the Workbench; its log says why."
                details = {"cause": type(error).__name__}
        finally:
            with self._lock:
                del self._running[claim.attempt_id]
        if ending != "succeeded" and code in _OURS:
            ending = "held"
            if code == "storage_full":
                self._full = True
        if ending != "succeeded" and running.why is not None:
            if running.why == "stale":
                return None
            if running.why == "timeout" and details.get("waited"):
                ending, code, message = "held", "too_many_queries", _NO_TURN
            elif running.why == "timeout":
                ending, code, message = "failed", "timeout", _timed_out(running.timeout)
            elif running.refusal is not None:
                refused = running.refusal
                ending, code, message, retry = "failed", refused.code, refused.message, False
            else:
                ending, code, message = _WHY[running.why]
        # The note of a task that succeeded is in its log already.
        said = "" if ending == "succeeded" else message
        running.record.log_end(ending, said, clock.monotonic() - began)
        rest = running.record.last_words()
        return self._end(
            claim,
            End(
                ending,
                code,
                keepable(message),
                keepable(details),
                retry,
                outputs,
                files,
                rest.log,
                rest.tables,
                rest.progress,
            ),
        )

    def _end(self, claim: Claim, end: End) -> Step | None:
        """Records the end, and claims what follows; retries while the metadata database doesn't work."""
        until = clock.monotonic() + self._lease
        while True:
            # Only a worker that can run every task may take the next one unseen.
            try:
                everything = self._abilities is None or self._abilities.everything()
                takes = everything and not self._stopping.is_set()
                step = self._transitions.end(
                    claim, end, take=(self.name, self._lease) if takes else None
                )
                return step if step.done else None
            except WorkbenchError as error:
                log.warning("the end of a task run was not written: %s", error.message)
                if error.code not in STORAGE and clock.monotonic() > until:
                    return None
                if self._ended.wait(0.5):
                    return None

    def _run(self, claim: Claim, running: RunningAttempt) -> TaskResult:
        kind = self._types.get(claim.type)
        if kind is None:
            raise TaskFailed(
                "unknown_task_type",
                f"This worker doesn't know the task type “{claim.type}”.",
                retry=False,
            )
        plan = self._definitions.task(claim.run["pipeline_id"], claim.run["version"], claim.task)
        running.timeout = plan.timeout
        running.deadline = clock.monotonic() + plan.timeout
        actor = self._accounts.of_run(dict(claim.run))
        outputs = self._store.outputs(claim.run_id) if plan.reads_outputs else {}
        scope = scope_of(dict(claim.run), plan.pipeline, outputs)
        spec = plan.resolved(scope)
        attempt = Attempt(
            id=claim.attempt_id,
            task_run_id=claim.task_run_id,
            run_id=claim.run_id,
            task=claim.task,
            pipeline=plan.pipeline.name,
            number=claim.number,
            fence=claim.fence,
            actor=actor,
            origin=Origin(
                address=self.name[:64], request_id=claim.attempt_id, deadline=running.deadline
            ),
            deadline=running.deadline,
            hang_up=running.hang_up,
            recorder=running.record,
            files=plan.files,
            kernels=claim.kernels,
        )
        return kind.run(spec, attempt)

    def _stored(self, artifact: Artifact) -> StoredFile:
        content = artifact.content
        if isinstance(content, bytes):
            digest, size = self._blobs.put([content]), len(content)
        else:
            size = content.stat().st_size
            with content.open("rb") as file:
                digest = self._blobs.put(iter(lambda: file.read(1 << 20), b""))
        return StoredFile(artifact.name, artifact.media_type, digest, size)

    def _has_room(self) -> bool:
        """Whether what a full disk held up may be tried again here."""
        if self._full:
            self._full = not all(map(has_room, self._folders))
        return not self._full

    # --- the keeper ----------------------------------------------------------------------------

    def _keep(self) -> None:
        renewed = clock.monotonic()
        while not self._ended.wait(_TICK_SECONDS):
            with self._lock:
                running = list(self._running.values())
            now = clock.monotonic()
            if not running:
                renewed = now
                continue
            answered = True
            try:
                if now - renewed >= self._lease / 3:
                    self._renew(running)
                    renewed = now
                else:
                    ids = [each.claim.task_run_id for each in running]
                    self._stop(running, self._transitions.cancelled(ids), "cancelled")
            except WorkbenchError as error:
                # Renewed as soon as it answers. Schedulers give workers the time for that, and what
                # another worker may have claimed in spite of it is found stale then.
                answered, renewed = False, now - self._lease
                log.warning("leases were not renewed: %s", error.message)
            except Exception:
                log.exception("the keeper failed")
            for each in running:
                if answered and clock.monotonic() > each.lease_until:
                    # Another worker may have claimed it by now: this one must write nothing more.
                    each.stop("stale")
                elif now > each.deadline:
                    each.stop("timeout")
                try:
                    if each.record.flush():
                        self._news(each.claim.run_id)
                except WorkbenchError:
                    pass  # the database is down: try again at the next tick
                except Exception:
                    # If this thread died, every attempt here would lose its lease.
                    log.exception("the log and progress of an attempt were not written")

    def _watch(self) -> None:
        while not self._ended.wait(_RIGHTS_SECONDS):
            with self._lock:
                running = list(self._running.values())
            for run_id in {each.claim.run_id for each in running}:
                of_run = [each for each in running if each.claim.run_id == run_id]
                try:
                    self._accounts.of_run(dict(of_run[0].claim.run))
                except Unprocessable as error:
                    for each in of_run:
                        each.stop("refused", error)
                except WorkbenchError as error:
                    log.warning("the rights of a run can't be checked now: %s", error.message)
                except Exception:
                    log.exception("the check of a run's rights failed")

    def _renew(self, running: list[RunningAttempt]) -> None:
        until = clock.monotonic() + self._lease
        running = sorted(running, key=lambda each: each.claim.fence)
        newest = {each.claim.task_run_id: each for each in running}
        for each in running:
            if newest[each.claim.task_run_id] is not each:
                each.stop("stale")
        running = list(newest.values())
        claims = {each.claim.task_run_id: each.claim.fence for each in running}
        stale, cancelled = self._transitions.renew(claims, self._lease)
        for each in running:
            if each.claim.task_run_id not in stale:
                each.lease_until = until
        self._stop(running, stale, "stale")
        self._stop(running, cancelled, "cancelled")

    @staticmethod
    def _stop(running: list[RunningAttempt], which: set[str], why: Stopped) -> None:
        for each in running:
            if each.claim.task_run_id in which:
                each.stop(why)

    def stop(self) -> None:
        """Stops taking work."""
        self._stopping.set()

    def close(self, seconds: float = 10.0) -> None:
        """Stops the running attempts, so that another worker can claim their task runs at once."""
        self.stop()
        with self._lock:
            running = list(self._running.values())
        for each in running:
            each.stop("shutdown")
        until = time.monotonic() + seconds
        # Waits also for attempts whose end is being written: unrecorded, they would run again.
        while self._performing and time.monotonic() < until:
            time.sleep(0.05)
        self._ended.set()
        self._keeper.join(5)
