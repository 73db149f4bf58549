"""States of runs and task runs, on SQLite and PostgreSQL."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wb_server.governance.owned.models import Owner
from wb_server.kit import clock
from wb_server.kit.blobs import Blobs
from wb_server.kit.db import Database
from wb_server.kit.errors import Conflict
from wb_server.pipelines.models import Pipeline
from wb_server.pipelines.runs.notes import Notes
from wb_server.pipelines.runs.run_transitions import RunTransitions
from wb_server.pipelines.runs.steps import (
    MAX_LOST,
    WORKER_STOPPED,
    Claim,
    End,
    Ending,
    NewRun,
    NewTask,
    Step,
    StoredFile,
)
from wb_server.pipelines.runs.store import RunStore
from wb_server.pipelines.runs.task_transitions import TaskTransitions
from wb_server.pipelines.runs.upkeep import Upkeep
from wb_server.pipelines.store import PipelineStore

AT = datetime(2026, 3, 1, 6, tzinfo=UTC)


class Bench:
    """The transitions on one database, with one pipeline."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.blobs = Blobs(folder / "blobs", database)
        self.runs = RunTransitions(database, self.blobs)
        self.tasks = TaskTransitions(database, self.blobs)
        self.notes = Notes(database, self.blobs)
        self.upkeep = Upkeep(database, self.blobs)
        self.store = RunStore(database)
        self.pipeline = self.add_pipeline()

    def add_pipeline(self) -> str:
        now = clock.now()
        pipeline = Pipeline(
            id=str(uuid.uuid4()),
            name=f"p{uuid.uuid4().hex[:12]}",
            owner=Owner(kind="user", name="ana"),
            head=1,
            approved=1,
            fired_to=now,
            created_at=now,
            updated_at=now,
        )
        store = PipelineStore(self.database, self.blobs)
        with self.database.write() as transaction:
            store.insert(transaction, pipeline)
        return pipeline.id

    def new(self, *tasks: NewTask) -> NewRun:
        return NewRun(
            pipeline_id=self.pipeline,
            version=1,
            trigger="manual",
            triggered_by="ana",
            run_as="user:ana",
            parameters={},
            logical_at=AT,
            tasks=tasks or (NewTask("only", "sql", ()),),
        )

    def states(self, run_id: str) -> dict[str, str]:
        return {task.task: task.state for task in self.store.tasks(run_id)}

    def state(self, run_id: str) -> str:
        run = self.store.run(run_id)
        assert run is not None
        return run.state

    def end(self, claim: Claim, ending: Ending, **more: Any) -> Step:
        return self.tasks.end(claim, End(ending, **more))

    def claim(self, task_run_id: str, lease: float = 60) -> Claim:
        claim = self.tasks.claim(task_run_id, "w1", lease)
        assert claim is not None
        return claim


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Bench:
    return Bench(database, tmp_path)


def task(name: str, *needs: str, **more: float) -> NewTask:
    return replace(NewTask(name, "sql", needs), **more)  # type: ignore[arg-type]


@pytest.fixture
def shift(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock forward, by seconds from now."""
    real = clock.now

    def move(seconds: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=seconds))

    return move


def test_tasks_run_after_what_they_need(bench: Bench) -> None:
    step = bench.runs.create(
        bench.new(task("a"), task("b", "a"), task("c", "a"), task("d", "b", "c"))
    )
    run = step.run_id
    assert bench.states(run) == {"a": "queued", "b": "waiting", "c": "waiting", "d": "waiting"}
    (a,) = step.ready
    step = bench.end(bench.claim(a), "succeeded", outputs={"rows": 3})
    assert len(step.ready) == 2
    b, c = step.ready
    assert bench.end(bench.claim(b), "succeeded").ready == []
    step = bench.end(bench.claim(c), "succeeded")
    (d,) = step.ready
    assert bench.state(run) == "running"
    assert bench.end(bench.claim(d), "succeeded").ended == "succeeded"
    assert bench.state(run) == "succeeded"
    assert bench.store.outputs(run)["a"] == {"rows": 3}


def test_a_failure_skips_the_tasks_that_need_it_and_no_others(bench: Bench) -> None:
    step = bench.runs.create(
        bench.new(task("a"), task("b", "a"), task("c", "b"), task("other"), task("last", "other"))
    )
    by_task = {each.task: each.id for each in bench.store.tasks(step.run_id)}
    bench.end(bench.claim(by_task["a"]), "failed", code="broken", message="It broke.")
    assert bench.states(step.run_id) == {
        "a": "failed",
        "b": "skipped",
        "c": "skipped",
        "other": "queued",
        "last": "waiting",
    }
    (last,) = bench.end(bench.claim(by_task["other"]), "succeeded").ready
    assert bench.end(bench.claim(last), "succeeded").ended == "failed"
    run = bench.store.run(step.run_id)
    assert run is not None
    assert (run.code, run.message) == ("broken", "a: It broke.")


def test_only_one_worker_claims_a_task_run(bench: Bench) -> None:
    (only,) = bench.runs.create(bench.new()).ready
    gate = threading.Barrier(8)

    def claim(name: str) -> Claim | None:
        gate.wait()
        return bench.tasks.claim(only, name, 60)

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(claim, [f"w{n}" for n in range(8)]))
    assert sum(each is not None for each in claims) == 1


def test_an_attempt_with_an_old_fence_is_refused(
    bench: Bench, shift: Callable[[float], None]
) -> None:
    step = bench.runs.create(bench.new())
    (only,) = step.ready
    old = bench.claim(only, lease=1)
    shift(5)
    (lost,) = bench.tasks.expire()
    assert lost.ready == [only]
    fresh = bench.claim(only)
    assert fresh.fence > old.fence
    assert not bench.end(old, "succeeded", outputs={"stale": True}).done
    with pytest.raises(Conflict) as error:
        bench.notes.kernel(old, {"kernel": "x"})
    assert error.value.code == "stale_attempt"
    gone, _ = bench.tasks.renew({only: old.fence}, 60)
    assert gone == {only}
    gone, _ = bench.tasks.renew({only: fresh.fence}, 60)
    assert gone == set()
    assert bench.end(fresh, "succeeded", outputs={"fresh": True}).ended == "succeeded"
    assert bench.store.outputs(step.run_id) == {"only": {"fresh": True}}
    (done,) = bench.store.tasks(step.run_id)
    assert [each.state for each in done.attempts] == ["lost", "succeeded"]


def test_kernels_of_earlier_attempts_are_passed_to_the_next(
    bench: Bench, shift: Callable[[float], None]
) -> None:
    (only,) = bench.runs.create(bench.new()).ready
    claim = bench.claim(only, lease=1)
    bench.notes.kernel(claim, {"kernel": "k1"})
    shift(5)
    bench.tasks.expire()
    assert bench.claim(only).kernels == [{"kernel": "k1"}]


def test_a_renewed_lease_does_not_expire(bench: Bench, shift: Callable[[float], None]) -> None:
    (only,) = bench.runs.create(bench.new()).ready
    claim = bench.claim(only, lease=1)
    bench.tasks.renew({only: claim.fence}, 60)
    shift(5)
    assert bench.tasks.expire() == []


def test_a_task_whose_workers_are_always_lost_fails(
    bench: Bench, shift: Callable[[float], None]
) -> None:
    step = bench.runs.create(bench.new(task("only", retries=5)))
    (only,) = step.ready
    for number in range(MAX_LOST):
        shift(10 * number)
        bench.claim(only, lease=1)
        shift(10 * number + 5)
        assert len(bench.tasks.expire()) == 1
    assert bench.state(step.run_id) == "failed"
    (done,) = bench.store.tasks(step.run_id)
    assert done.code == "worker_lost"


def test_retries_wait_longer_each_time(bench: Bench, shift: Callable[[float], None]) -> None:
    step = bench.runs.create(bench.new(task("only", retries=2, retry_delay=10.0, retry_factor=2.0)))
    (only,) = step.ready
    assert bench.end(bench.claim(only), "failed", code="x").ready == []
    assert bench.tasks.claim(only, "w", 60) is None  # not yet
    assert bench.upkeep.overdue(5) == []
    shift(11)
    assert bench.upkeep.overdue(5) == [only]
    bench.end(bench.claim(only), "failed", code="x")
    shift(11 + 15)
    assert bench.upkeep.overdue(5) == []
    shift(11 + 21)
    assert bench.upkeep.overdue(5) == [only]
    assert bench.end(bench.claim(only), "failed", code="x").ended == "failed"


def test_a_permanent_failure_is_not_retried(bench: Bench) -> None:
    (only,) = bench.runs.create(bench.new(task("only", retries=3))).ready
    assert bench.end(bench.claim(only), "failed", code="x", retry=False).ended == "failed"


def test_a_lost_attempt_does_not_count_as_a_retry(
    bench: Bench, shift: Callable[[float], None]
) -> None:
    (only,) = bench.runs.create(bench.new(task("only", retries=1))).ready
    bench.claim(only, lease=1)
    shift(5)
    bench.tasks.expire()
    assert bench.end(bench.claim(only), "failed", code="x").ended is None
    shift(50)
    assert bench.end(bench.claim(only), "failed", code="x").ended == "failed"


def test_a_terminated_worker_hands_its_task_over_at_once_and_as_often_as_it_likes(
    bench: Bench,
) -> None:
    (only,) = bench.runs.create(bench.new(task("only", retries=1))).ready
    for _ in range(MAX_LOST + 2):
        stopped = bench.end(bench.claim(only), "held", code=WORKER_STOPPED)
        assert (stopped.ready, stopped.ended) == ([only], None)
    assert bench.end(bench.claim(only), "failed", code="x").ended is None


def test_why_nobody_takes_a_task_is_written_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = bench.runs.create(bench.new())
    (only,) = step.ready
    bench.tasks.wait_for(only, "no_worker", "It lacks a folder.")
    writes = []
    write = bench.tasks._database.write
    monkeypatch.setattr(
        bench.tasks._database, "write", lambda **more: writes.append(1) or write(**more)
    )
    bench.tasks.wait_for(only, "no_worker", "It lacks a folder.")
    assert not writes
    bench.tasks.wait_for(only, "no_worker", "It lacks notebooks.")
    assert len(writes) == 1
    (waits,) = bench.store.tasks(step.run_id)
    assert waits.waiting is not None
    assert "It lacks notebooks." in waits.waiting
    bench.claim(only)
    bench.tasks.wait_for(only, "no_worker", "Too late.")
    assert len(writes) == 2  # the claim


def test_cancelling_ends_waiting_tasks_at_once_and_running_ones_when_they_notice(
    bench: Bench,
) -> None:
    step = bench.runs.create(bench.new(task("a"), task("b", "a"), task("c")))
    run = step.run_id
    by_task = {each.task: each.id for each in bench.store.tasks(run)}
    claim = bench.claim(by_task["a"])
    assert bench.runs.cancel(run, "ana").ended is None
    assert bench.states(run) == {"a": "running", "b": "cancelled", "c": "cancelled"}
    assert bench.tasks.cancelled([by_task["a"]]) == {by_task["a"]}
    assert bench.tasks.claim(by_task["c"], "w2", 60) is None
    assert bench.end(claim, "failed", code="interrupted").ended == "cancelled"
    assert bench.state(run) == "cancelled"
    (a, *_) = bench.store.tasks(run)
    assert a.state == "cancelled"


def test_a_run_that_no_worker_has_claimed_is_cancelled_at_once(bench: Bench) -> None:
    run = bench.runs.create(bench.new()).run_id
    assert bench.runs.cancel(run, "ana").ended == "cancelled"
    assert bench.runs.cancel(run, "ana").ended is None


def test_runs_of_a_pipeline_wait_for_each_other(bench: Bench) -> None:
    first = bench.runs.create(bench.new())
    second = bench.runs.create(bench.new())
    third = bench.runs.create(bench.new())
    assert (bench.state(second.run_id), second.ready) == ("queued", ())
    assert bench.runs.start_waiting(bench.pipeline) is None
    bench.end(bench.claim(first.ready[0]), "succeeded")
    assert bench.upkeep.held_up() == [bench.pipeline]
    step = bench.runs.start_waiting(bench.pipeline)
    assert step is not None
    assert step.run_id == second.run_id
    assert bench.state(third.run_id) == "queued"
    assert bench.upkeep.held_up() == []


def test_a_run_is_skipped_while_another_is_running(bench: Bench) -> None:
    bench.runs.create(bench.new())
    step = bench.runs.create(replace(bench.new(), concurrency="skip"))
    run = bench.store.run(step.run_id)
    assert run is not None
    assert (run.state, run.code) == ("skipped", "overlap")
    assert bench.store.tasks(step.run_id) == []


def test_a_newer_run_cancels_the_older_ones(bench: Bench) -> None:
    first = bench.runs.create(bench.new())
    claim = bench.claim(first.ready[0])
    waiting = bench.runs.create(bench.new())
    newest = bench.runs.create(replace(bench.new(), concurrency="cancel_older"))
    assert bench.state(waiting.run_id) == "cancelled"
    assert bench.state(newest.run_id) == "queued"  # until the running one has ended
    assert bench.end(claim, "cancelled").ended == "cancelled"
    step = bench.runs.start_waiting(bench.pipeline)
    assert step is not None
    assert step.run_id == newest.run_id


def test_the_same_key_is_the_same_run(bench: Bench) -> None:
    first = bench.runs.create(replace(bench.new(), idempotency_key="k"))
    again = bench.runs.create(replace(bench.new(), idempotency_key="k"))
    assert (again.run_id, again.done) == (first.run_id, False)
    with pytest.raises(Conflict) as error:
        bench.runs.create(replace(bench.new(), idempotency_key="k", parameters={"other": 1}))
    assert error.value.code == "key_reused"


@pytest.mark.parametrize("what", ["fire_at", "idempotency_key"])
def test_concurrent_requests_make_one_run(bench: Bench, what: str) -> None:
    gate = threading.Barrier(6)
    new = replace(bench.new(), **{what: AT if what == "fire_at" else "key"})  # type: ignore[arg-type]

    def create(_: int) -> tuple[str, bool]:
        gate.wait()
        step = bench.runs.create(new)
        return step.run_id, step.done

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(create, range(6)))
    assert len({run_id for run_id, _ in made}) == 1
    assert sum(done for _, done in made) == 1


def test_a_rerun_reuses_what_succeeded(bench: Bench) -> None:
    step = bench.runs.create(bench.new(task("a"), task("b", "a")))
    digest = bench.blobs.put([b"rows"])
    (b,) = bench.end(
        bench.claim(step.ready[0]),
        "succeeded",
        outputs={"rows": 1},
        files=[StoredFile("table.parquet", "application/vnd.apache.parquet", digest, 4)],
    ).ready
    bench.end(bench.claim(b), "failed", code="x")
    (a, _) = bench.store.tasks(step.run_id)
    again = bench.runs.create(
        bench.new(replace(task("a"), taken=a.id, outputs=a.outputs), task("b", "a"))
    )
    assert bench.states(again.run_id) == {"a": "succeeded", "b": "queued"}
    assert bench.store.outputs(again.run_id) == {"a": {"rows": 1}}
    found = bench.store.artifact(again.run_id, "a", "table.parquet")
    assert found is not None
    assert found["digest"] == digest
    # The earlier run may be pruned: what was taken over stays.
    assert bench.upkeep.prune(clock.now() + timedelta(days=1), 0) == 1
    assert bench.store.run(step.run_id) is None
    assert bench.blobs.sweep(timedelta(0)) == 0
    assert bench.store.tasks(again.run_id)[0].artifacts[0].name == "table.parquet"
    with bench.blobs.open(digest) as file:
        assert file.read() == b"rows"
    with pytest.raises(Conflict) as gone:
        bench.runs.create(bench.new(replace(task("a"), taken=a.id), task("b", "a")))
    assert gone.value.code == "tidied"
    assert bench.end(bench.claim(again.ready[0]), "succeeded").ended == "succeeded"
    assert bench.upkeep.prune(clock.now() + timedelta(days=1), 0) == 1
    assert bench.blobs.sweep(timedelta(0)) == 1


def test_a_task_that_is_left_out_never_runs(bench: Bench) -> None:
    step = bench.runs.create(bench.new(task("a"), replace(task("b", "a"), left_out=True)))
    assert bench.end(bench.claim(step.ready[0]), "succeeded").ended == "succeeded"
    assert bench.states(step.run_id) == {"a": "succeeded", "b": "skipped"}


def test_old_runs_are_pruned_with_their_files(bench: Bench) -> None:
    runs = []
    for number in range(4):
        step = bench.runs.create(bench.new())
        claim = bench.claim(step.ready[0])
        digest = bench.blobs.put([f"content {number}".encode()])
        bench.notes.notebook(claim.attempt_id, bench.blobs.put([b"the same in each"]))
        bench.end(claim, "succeeded", files=[StoredFile("f", "text/plain", digest, 9)])
        runs.append((step.run_id, digest))
    going = bench.runs.create(bench.new()).run_id
    assert bench.upkeep.prune(clock.now() - timedelta(days=1), keep=3) == 2
    assert [bench.store.run(run) is None for run, _ in runs] == [True, True, False, False]
    assert bench.blobs.sweep(timedelta(0)) == 2
    assert bench.upkeep.prune(clock.now() + timedelta(days=1), keep=3) == 2
    assert bench.store.run(going) is not None
    assert bench.blobs.sweep(timedelta(0)) == 3
    assert bench.upkeep.prune(clock.now() + timedelta(days=1), keep=3) == 0


@pytest.mark.parametrize("seed", range(3))
def test_whatever_workers_do_every_run_ends_and_each_task_succeeds_once(
    bench: Bench, seed: int
) -> None:
    """Four workers race on random graphs; some attempts fail, some are lost, rings get lost."""
    rng = random.Random(seed)
    names = [f"t{number}" for number in range(12)]
    tasks = [
        task(name, *rng.sample(names[:index], min(index, rng.randint(0, 3))), retries=50)
        for index, name in enumerate(names)
    ]
    runs = []
    for _ in range(3):
        bench.pipeline = bench.add_pipeline()
        runs.append(bench.runs.create(bench.new(*tasks)).run_id)
    succeeded: list[tuple[str, str]] = []
    stop = threading.Event()

    def work(number: int) -> None:
        mine = random.Random(seed * 100 + number)
        while not stop.is_set():
            bench.tasks.expire()
            for ready in _shuffled(mine, bench.upkeep.overdue(0)):
                claim = bench.tasks.claim(ready, f"w{number}", 0.2)
                if claim is None:
                    continue
                fate = mine.random()
                if fate < 0.1 and claim.number < 3:
                    continue  # it dies silently
                ending = "failed" if fate < 0.25 else "succeeded"
                if bench.end(claim, ending, code="x").done and ending == "succeeded":  # type: ignore[arg-type]
                    succeeded.append((claim.run_id, claim.task))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        _until(lambda: all(bench.state(run) in ("succeeded", "failed") for run in runs))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    for run in runs:
        if bench.state(run) == "failed":  # only where a worker was lost too often
            assert any(each.code == "worker_lost" for each in bench.store.tasks(run))
        else:
            assert sorted(t for r, t in succeeded if r == run) == sorted(names)
    assert len(succeeded) == len(set(succeeded))


def _shuffled(rng: random.Random, items: Sequence[str]) -> list[str]:
    return rng.sample(list(items), len(items))


def _until(done: Callable[[], bool]) -> None:
    from support.wait import wait_for

    wait_for(done, 30)
