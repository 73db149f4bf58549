"""What an attempt reports is kept: in order, to the last line, whatever characters it has."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from wb_server.kit.errors import Unavailable
from wb_server.pipelines.recorder import AttemptRecorder, keepable
from wb_server.pipelines.runs.notes import Notes
from wb_server.pipelines.runs.steps import Claim, StoredFile
from wb_server.pipelines.runs.tables import attempts

from .test_transitions import Bench, task
from .test_transitions import bench as bench  # the fixture


def record(bench: Bench, claim: Claim) -> AttemptRecorder:
    return AttemptRecorder(claim, Notes(bench.database, bench.blobs), bench.store, bench.blobs)


def progress(bench: Bench, claim: Claim) -> object:
    with bench.database.read() as transaction:
        return transaction.execute(
            sa.select(attempts.c.progress).where(attempts.c.id == claim.attempt_id)
        ).scalar()


def text(bench: Bench, claim: Claim) -> str:
    return "".join(piece for _, piece in bench.store.log(claim.attempt_id, 0, 10**6))


def test_ending_an_attempt_writes_its_last_words(bench: Bench) -> None:
    """Log, tables and progress, in the transaction that ends the attempt."""
    claim = bench.claim(bench.runs.create(bench.new()).ready[0])
    it = record(bench, claim)
    it.progress(3, 5, "cell 4 of 5")
    it.log("one")
    assert it.flush()
    assert not it.flush()
    assert progress(bench, claim) == {"done": 3, "total": 5, "text": "cell 4 of 5"}
    it.progress(5, 5, "5 cells")
    it.log("two")
    last = it.last_words()
    assert progress(bench, claim) == {"done": 3, "total": 5, "text": "cell 4 of 5"}
    bench.end(claim, "succeeded", log=last.log, tables=last.tables, progress=last.progress)
    assert progress(bench, claim) == {"done": 5, "total": 5, "text": "5 cells"}
    assert [line[10:] for line in text(bench, claim).splitlines()] == ["one", "two"]


def test_ending_without_last_words_keeps_what_was_reported(bench: Bench) -> None:
    step = bench.runs.create(bench.new(task("a"), task("b")))
    silent, reporting = (bench.claim(each) for each in step.ready)
    bench.end(silent, "succeeded")
    assert progress(bench, silent) is None
    it = record(bench, reporting)
    it.progress(1, None, "1 row")
    it.flush()
    bench.end(reporting, "lost")
    assert progress(bench, reporting) == {"done": 1, "total": None, "text": "1 row"}


def test_what_could_not_be_written_is_written_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The metadata database was unavailable for a moment."""
    claim = bench.claim(bench.runs.create(bench.new()).ready[0])
    it = record(bench, claim)
    it.log("one")
    it.progress(1, 2, "half")

    def unavailable(*_: object) -> None:
        raise Unavailable("The database is away.", code="storage_down")

    with monkeypatch.context() as patch:
        patch.setattr(Notes, "add", unavailable)
        with pytest.raises(Unavailable):
            it.flush()
    it.log("two")
    assert it.flush()
    assert [line[10:] for line in text(bench, claim).splitlines()] == ["one", "two"]
    assert progress(bench, claim) == {"done": 1, "total": 2, "text": "half"}


def test_characters_that_databases_refuse_are_replaced(bench: Bench) -> None:
    claim = bench.claim(bench.runs.create(bench.new()).ready[0])
    odd = "a\0b\ud800c"
    it = record(bench, claim)
    it.log(odd)
    it.progress(1, 1, odd)
    assert it.flush()
    message, details = keepable(odd), keepable({"evalue": odd, "list": [odd, 1, None]})
    bench.end(claim, "failed", code="x", message=message, details=details)
    (task_run,) = bench.store.tasks(claim.run_id)
    assert task_run.message == "a\ufffdb?c"
    assert task_run.attempts[0].details == {
        "evalue": "a\ufffdb?c",
        "list": ["a\ufffdb?c", 1, None],
    }
    assert "a\ufffdb?c" in text(bench, claim)
    assert json.loads(task_run.model_dump_json())["message"] == "a\ufffdb?c"


def test_artifacts_of_earlier_tasks_are_listed_in_order(bench: Bench) -> None:
    """In the order of the pipeline file."""
    digests = [bench.blobs.put([word]) for word in (b"one", b"two", b"three")]
    step = bench.runs.create(bench.new(task("z"), task("a"), task("b", "z", "a")))
    parquet = "application/vnd.apache.parquet"
    z, a = (bench.claim(each) for each in step.ready)
    bench.end(
        z,
        "succeeded",
        files=[StoredFile("y", "text/csv", digests[1], 3), StoredFile("x", parquet, digests[0], 3)],
    )
    (b,) = bench.end(a, "succeeded", files=[StoredFile("x", parquet, digests[2], 5)]).ready
    it = record(bench, bench.claim(b))
    found = it.artifacts(["a", "z"])
    assert [(each.task, each.name, each.size) for each in found] == [
        ("z", "x", 3), ("z", "y", 3), ("a", "x", 5),
    ]  # fmt: skip
    with found[2].open() as file:
        assert file.read() == b"three"
    assert [each.task for each in it.artifacts(["a", "unknown"])] == ["a"]
