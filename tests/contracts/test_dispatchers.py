"""The contract of every dispatcher: each ring reaches a worker, and a lost ring does no harm."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from rq import Queue
from rq.serializers import JSONSerializer
from support.site import Redis
from support.wait import wait_for

from wb_server.engines.base import Dispatcher
from wb_server.engines.inline import InlineDispatcher
from wb_server.engines.rq import Listener, RqDispatcher
from wb_server.kit.events import Bus

pytestmark = pytest.mark.slow


@dataclass
class Case:
    """A dispatcher, and the ids that arrived."""

    dispatcher: Dispatcher
    arrived: Callable[[], list[str]]


@pytest.fixture(scope="module")
def redis_server() -> Iterator[Redis]:
    with tempfile.TemporaryDirectory(prefix="wb-", dir="/tmp") as folder:
        it = Redis(Path(folder))
        yield it
        it.kill()


@pytest.fixture(params=["inline", "rq"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    """Each dispatcher in turn, with a worker."""
    if request.param == "inline":
        seen: list[str] = []
        inline = InlineDispatcher(2)
        inline.serve(seen.append)
        yield Case(inline, lambda: list(seen))
        inline.close()
        return
    server: Redis = request.getfixturevalue("redis_server")
    path = tmp_path / "rung"
    path.touch()
    worker = subprocess.Popen(
        [
            sys.executable,
            str(Path(__file__).parents[1] / "support" / "ringer.py"),
            server.url,
            str(path),
        ]
    )
    dispatcher = RqDispatcher(server.url)
    dispatcher.ring(["are you there"])
    wait_for(path.read_text)
    path.write_text("")
    yield Case(dispatcher, lambda: path.read_text().split())
    dispatcher.close()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0


def test_each_ring_arrives_once(case: Case) -> None:
    ids = [f"task-{number}" for number in range(50)]
    case.dispatcher.ring(ids[:1])
    case.dispatcher.ring(ids[1:])
    case.dispatcher.ring([])
    wait_for(lambda: len(case.arrived()) >= len(ids))
    assert sorted(case.arrived()) == sorted(ids)


def test_a_ring_after_close_does_no_harm(case: Case, request: pytest.FixtureRequest) -> None:
    case.dispatcher.close()
    case.dispatcher.ring(["late"])
    case.dispatcher.announce("runs")
    if isinstance(case.dispatcher, InlineDispatcher):
        assert case.arrived() == []
        return
    # Other dispatchers ring through the same Redis as before; the late ring may arrive or not.
    other = RqDispatcher(request.getfixturevalue("redis_server").url)
    other.ring(["after"])
    wait_for(lambda: "after" in case.arrived())
    assert case.arrived() in (["after"], ["late", "after"])
    other.close()


@pytest.mark.parametrize("case", ["rq"], indirect=True)
def test_redis_forgets_a_ring_while_it_is_served(
    case: Case, capfd: pytest.CaptureFixture[str]
) -> None:
    case.dispatcher.ring(["flush"])
    wait_for(lambda: case.arrived() == ["flush"])
    case.dispatcher.ring(["after"])
    wait_for(lambda: "after" in case.arrived())
    assert capfd.readouterr().err == ""


def test_rings_resume_when_redis_is_back(caplog: pytest.LogCaptureFixture) -> None:
    with tempfile.TemporaryDirectory(prefix="wb-", dir="/tmp") as folder:
        dispatcher = RqDispatcher(f"unix://{folder}/redis.sock")
        dispatcher.ring(["a"])
        assert "rung again later" in caplog.text
        dispatcher.announce("runs")
        server = Redis(Path(folder))
        assert server.queued() == 0  # the first is lost; the reconciler rings again
        dispatcher.ring(["b"])
        assert server.queued() == 1
        dispatcher.close()
        server.kill()


@pytest.mark.parametrize("case", ["rq"], indirect=True)
def test_a_job_that_is_no_ring_is_dropped_and_runs_nothing(
    case: Case, redis_server: Redis, tmp_path: Path
) -> None:
    """Write access to Redis allows rings, and nothing else."""
    import redis

    touched = tmp_path / "touched"
    with redis.Redis.from_url(redis_server.url) as client:
        queue = Queue("workbench", connection=client, serializer=JSONSerializer)
        queue.enqueue("os.system", f"touch {touched}")
        queue.enqueue("workbench.ring")
        queue.enqueue("workbench.ring", 5)
        queue.enqueue("wb_server.engines.rq.serve", "a", "b")
        client.lpush("rq:queue:workbench", "no-such-job")
        case.dispatcher.ring(["after"])
        wait_for(lambda: case.arrived() == ["after"])
        assert not touched.exists()
        # Control: on a stock RQ worker, the same job runs what it names.
        other = Queue("other", connection=client, serializer=JSONSerializer)
        other.enqueue("os.system", f"touch {touched}")
        subprocess.run(
            [sys.executable, "-m", "rq.cli", "worker", "--burst", "-q", "--url", redis_server.url,
             "-S", "rq.serializers.JSONSerializer", "other"],
            check=True, env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        assert touched.exists()


def test_a_topic_announced_by_one_process_reaches_the_others(redis_server: Redis) -> None:
    heard: list[str] = []
    listener = Listener(redis_server.url, heard.append)
    dispatcher = RqDispatcher(redis_server.url)

    def announced() -> bool:
        dispatcher.announce("runs")
        return bool(heard)

    wait_for(announced)
    redis_server.restart()
    heard.clear()
    wait_for(announced)
    assert set(heard) == {"runs"}
    # A worker's bus: what a task changes is shown by panels, whose streams the service serves.
    bus = Bus(frozenset({"connections"}))
    bus.announce_by(dispatcher.announce)
    bus.publish("connections")
    wait_for(lambda: "connections" in heard)
    listener.close()
    dispatcher.close()
