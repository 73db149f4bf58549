"""One attempt of one task: claimed, run by its type, and its end written.

A worker has any number of slots, each a thread. No user code runs in it: SQL runs in its source, a
notebook in its owner's own server. One more thread keeps the leases, passes on cancels and deadlines,
and writes logs; another one asks whether those whose rights are used may still have them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ..kit.blobs import Blobs
from ..kit.endpoint import HangUp, Origin
from ..kit.errors import Unprocessable, WorkbenchError
from .accounts import Accounts
from .definitions import Definitions, scope_of
from .recorder import AttemptRecorder, checked_outputs, keepable
from .runs.notes import Notes
from .runs.steps import Claim, End, Ending, Step, StoredFile
from .runs.store import RunStore
from .runs.task_transitions import TaskTransitions
from .tasks.base import Artifact, Attempt, TaskFailed, TaskResult, TaskType

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.5
_RIGHTS_SECONDS = 3.0
# Not the task's fault: it is tried again once our own database is back, as after a lost worker.
_OWN_DATABASE = frozenset({"storage_down", "storage_busy"})
Stopped = Literal["cancelled", "timeout", "stale", "shutdown", "refused"]

_WHY: dict[Stopped, tuple[Ending, str, str]] = {
    "cancelled": ("cancelled", "cancelled", "The run was cancelled."),
    "timeout": ("failed", "timeout", "The task exceeded its timeout."),
    "shutdown": ("lost", "worker_stopped", "The worker was stopped."),
}


@dataclass
class _Going:
    """An attempt that runs in this process.

    Attributes:
        why: what it is stopped for, and ``refusal`` the words where its rights are gone.
    """

    claim: Claim
    hang_up: HangUp
    deadline: float
    record: AttemptRecorder
    lease_until: float
    why: Stopped | None = None
    refusal: WorkbenchError | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stop(self, why: Stopped, refusal: WorkbenchError | None = None) -> None:
        with self.lock:
            if self.why is not None:
                return
            self.why, self.refusal = why, refusal
        # What it does may wait for a source: not in the keeper's own thread.
        threading.Thread(target=self.hang_up.now, daemon=True).start()


class Executor:
    """Runs attempts, and keeps them in check.

    Args:
        name: of the process, among those that run attempts.
        lease: seconds after which a worker that isn't heard of has lost its attempts.
        slots: attempts at the same time.
        changed: is told of every step that an attempt's end made.
        news: is told of a run whose attempts said something.
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
        self._changed = changed
        self._news = news
        self._slots = threading.Semaphore(slots)
        # By attempt: of one task run there may be two here, one of which was lost meanwhile.
        self._going: dict[str, _Going] = {}
        self._performing = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="wb-keeper", daemon=True)
        self._keeper.start()
        # A thread of its own: the Hub may take its time, and leases must not wait for it.
        threading.Thread(target=self._watch, name="wb-rights", daemon=True).start()

    # --- taking work --------------------------------------------------------------------------

    def accept(self, task_run_id: str) -> None:
        """Takes a ring: returns when a slot is free and the work is on its way there."""
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
        """Runs a task run, and then one that it made ready, and so on. In the caller's thread."""
        with self._lock:
            self._performing += 1
        try:
            self._perform(task_run_id)
        finally:
            with self._lock:
                self._performing -= 1

    def _perform(self, task_run_id: str) -> None:
        try:
            claim = self._transitions.claim(task_run_id, self.name, self._lease)
        except WorkbenchError as error:
            # Its own database is away: the reconciler rings again.
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
        began = time.monotonic()
        going = _Going(
            claim,
            HangUp(),
            began + 3600,
            AttemptRecorder(claim, self._notes, self._store, self._blobs),
            began + self._lease,
        )
        with self._lock:
            self._going[claim.attempt_id] = going
        ending: Ending = "failed"
        code: str | None = None
        message, retry = "", True
        details: Mapping[str, Any] = {}
        outputs: Mapping[str, Any] = {}
        files: list[StoredFile] = []
        try:
            result = self._run(claim, going)
            outputs = checked_outputs(result.outputs)
            files = [self._kept(artifact) for artifact in result.artifacts]
            ending = "succeeded"
        except TaskFailed as error:
            code, message, retry, details = error.code, error.message, error.retry, error.details
        except WorkbenchError as error:
            code, message, details = error.code, error.message, error.details
            retry = error.status >= 429  # the other ones are mistakes, and stay so
            if code in _OWN_DATABASE:
                ending = "lost"
        except Exception as error:
            log.exception("a task ended with an error of our own")
            code, message = "internal", "An error occurred in the Workbench; its log says why."
            details = {"cause": type(error).__name__}
        finally:
            with self._lock:
                del self._going[claim.attempt_id]
        if ending != "succeeded" and going.why is not None:
            if going.why == "stale":
                return None
            if going.refusal is not None:
                refused = going.refusal
                ending, code, message, retry = "failed", refused.code, refused.message, False
            else:
                ending, code, message = _WHY[going.why]
        going.record.log_end(ending, message, time.monotonic() - began)
        said = going.record.last_words()
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
                said.log,
                said.tables,
                said.progress,
            ),
        )

    def _end(self, claim: Claim, end: End) -> Step | None:
        """Writes the end, for as long as the lease allows to try, and takes what follows."""
        until = time.monotonic() + self._lease
        while True:
            take = None if self._stopping.is_set() else (self.name, self._lease)
            try:
                step = self._transitions.end(claim, end, take=take)
                return step if step.done else None
            except WorkbenchError as error:
                log.warning("the end of a task run was not written: %s", error.message)
                if time.monotonic() > until:
                    return None
                time.sleep(0.5)  # the database is away or full

    def _run(self, claim: Claim, going: _Going) -> TaskResult:
        kind = self._types.get(claim.type)
        if kind is None:
            raise TaskFailed(
                "unknown_task_type",
                f"This worker doesn't know the task type “{claim.type}”.",
                retry=False,
            )
        plan = self._definitions.task(claim.run["pipeline_id"], claim.run["version"], claim.task)
        going.deadline = time.monotonic() + plan.timeout
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
            origin=Origin(address=self.name[:64], request_id=claim.attempt_id),
            deadline=going.deadline,
            hang_up=going.hang_up,
            recorder=going.record,
            files=plan.files,
            kernels=claim.kernels,
        )
        return kind.run(spec, attempt)

    def _kept(self, artifact: Artifact) -> StoredFile:
        content = artifact.content
        if isinstance(content, bytes):
            digest, size = self._blobs.put([content]), len(content)
        else:
            size = content.stat().st_size
            with content.open("rb") as file:
                digest = self._blobs.put(iter(lambda: file.read(1 << 20), b""))
        return StoredFile(artifact.name, artifact.media_type, digest, size)

    # --- the keeper ----------------------------------------------------------------------------

    def _keep(self) -> None:
        renewed = time.monotonic()
        while not self._ended.wait(_TICK_SECONDS):
            with self._lock:
                going = list(self._going.values())
            now = time.monotonic()
            if not going:
                renewed = now
                continue
            try:
                if now - renewed >= self._lease / 3:
                    renewed = now
                    self._renew(going)
                else:
                    ids = [each.claim.task_run_id for each in going]
                    self._stop(going, self._transitions.cancelled(ids), "cancelled")
            except WorkbenchError as error:
                log.warning("leases were not renewed: %s", error.message)
            except Exception:
                log.exception("the keeper failed")
            for each in going:
                if time.monotonic() > each.lease_until:
                    # Somebody else may have it by now: nothing more may come from here.
                    each.stop("stale")
                elif now > each.deadline:
                    each.stop("timeout")
                try:
                    if each.record.flush():
                        self._news(each.claim.run_id)
                except WorkbenchError:
                    pass  # its database is away: the next time
                except Exception:
                    # Without this thread every attempt here would lose its lease.
                    log.exception("what an attempt said was not written")

    def _watch(self) -> None:
        while not self._ended.wait(_RIGHTS_SECONDS):
            with self._lock:
                going = list(self._going.values())
            for run_id in {each.claim.run_id for each in going}:
                of_it = [each for each in going if each.claim.run_id == run_id]
                try:
                    self._accounts.of_run(dict(of_it[0].claim.run))
                except Unprocessable as error:
                    for each in of_it:
                        each.stop("refused", error)
                except WorkbenchError as error:
                    log.warning("whose rights a run has isn't known now: %s", error.message)
                except Exception:
                    log.exception("whose rights a run has was not asked")

    def _renew(self, going: list[_Going]) -> None:
        until = time.monotonic() + self._lease
        going = sorted(going, key=lambda each: each.claim.fence)
        newest = {each.claim.task_run_id: each for each in going}
        for each in going:
            if newest[each.claim.task_run_id] is not each:
                each.stop("stale")
        going = list(newest.values())
        claims = {each.claim.task_run_id: each.claim.fence for each in going}
        stale, cancelled = self._transitions.renew(claims, self._lease)
        for each in going:
            if each.claim.task_run_id not in stale:
                each.lease_until = until
        self._stop(going, stale, "stale")
        self._stop(going, cancelled, "cancelled")

    @staticmethod
    def _stop(going: list[_Going], which: set[str], why: Stopped) -> None:
        for each in going:
            if each.claim.task_run_id in which:
                each.stop(why)

    def stop(self) -> None:
        """Takes no more work from now on."""
        self._stopping.set()

    def close(self, seconds: float = 10.0) -> None:
        """Stops what runs, so that another worker takes it up at once."""
        self.stop()
        with self._lock:
            going = list(self._going.values())
        for each in going:
            each.stop("shutdown")
        until = time.monotonic() + seconds
        # Also for those whose end is being written: unwritten, they would be done again.
        while self._performing and time.monotonic() < until:
            time.sleep(0.05)
        self._ended.set()
        self._keeper.join(5)
