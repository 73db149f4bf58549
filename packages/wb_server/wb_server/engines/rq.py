"""The RQ engine: a queue in Redis, and any number of workers on any host.

A job is one fixed function and a task run's id, in JSON. The worker uses nothing else of it, so write
access to Redis allows ringing and nothing more. RQ's retries, dependencies, schedules and registries
stay unused (see ``docs/decisions``): the state of a task run is in the metadata database.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import redis
from rq import Queue, SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.serializers import JSONSerializer

from .base import Dispatcher

log = logging.getLogger(__name__)

_QUEUE = "workbench"
_CHANNEL = "workbench:changed"
_FUNCTION = "workbench.ring"
# A ring expires if no worker takes it in this time: the reconciler has rung again by then.
_RING_SECONDS = 60
_SOCKET_SECONDS = 5


def _connect(url: str, timeout: float | None = _SOCKET_SECONDS) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=_SOCKET_SECONDS)


class RqDispatcher(Dispatcher):
    """Rings through Redis.

    Args:
        url: of Redis, as ``redis://`` or ``unix://``.
    """

    def __init__(self, url: str) -> None:
        self._redis = _connect(url)
        self._queue = Queue(_QUEUE, connection=self._redis, serializer=JSONSerializer)

    def ring(self, task_run_ids: Sequence[str]) -> None:
        jobs = [
            Queue.prepare_data(
                _FUNCTION,
                args=(each,),
                timeout=-1,
                result_ttl=0,
                failure_ttl=_RING_SECONDS,
                ttl=_RING_SECONDS,
            )
            for each in task_run_ids
        ]
        if not jobs:
            return
        try:
            self._queue.enqueue_many(jobs)
        except redis.RedisError as error:
            log.warning(
                "Redis does not answer (%s); ready tasks are rung again later", type(error).__name__
            )

    def announce(self, topic: str) -> None:
        try:
            self._redis.publish(_CHANNEL, topic)
        except redis.RedisError:
            log.debug("a change to %s was not announced", topic)

    def close(self) -> None:
        self._redis.close()


class Listener:
    """Receives what other processes announce, until closed.

    Args:
        tell: called with the topic, in the listener's thread.
    """

    def __init__(self, url: str, tell: Callable[[str], None]) -> None:
        self._redis = _connect(url, timeout=None)
        self._tell = tell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="wb-listener", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                with self._redis.pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]
                    channel.subscribe(_CHANNEL)
                    while not self._stop.is_set():
                        message = channel.get_message(timeout=1.0)
                        if message is not None:
                            self._tell(message["data"].decode("utf-8", "replace"))
            except redis.RedisError:
                self._stop.wait(1.0)

    def close(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join(5)
        self._redis.close()


class _RingWorker(SimpleWorker):
    """A worker that takes rings and nothing else, without forking: no user code runs here."""

    perform: Callable[[str], None]
    stop: Callable[[], None]

    def request_stop(self, signum: Any, frame: Any) -> None:
        self.stop()  # it may wait for a free slot
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def execute_job(self, job: Job, queue: Queue) -> None:
        try:
            self._take(job)
        finally:
            # Not job.delete, which fails if Redis lost the job in the meantime.
            self.connection.delete(job.key)
            self.connection.lrem(queue.intermediate_queue_key, 1, job.id)

    def _take(self, job: Job) -> None:
        # Not job.func, which would import whatever the job names.
        function: Any = job.func_name
        arguments: Any = job.args
        if function != _FUNCTION or len(arguments) != 1 or not isinstance(arguments[0], str):
            self.log.warning("dropped a job that isn't a ring")
            return
        self.perform(arguments[0])


def serve(url: str, name: str, perform: Callable[[str], None], stop: Callable[[], None]) -> None:
    """Takes rings until a signal stops it. Call it in the main thread.

    Args:
        name: the worker's name, unique among all workers.
        perform: called with each id; the next ring is taken when it returns.
        stop: called on the signal; ``perform`` must return soon after.
    """
    for noisy in ("rq.worker", "rq.queue"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    stopping = threading.Event()

    def end() -> None:
        stopping.set()
        stop()

    with contextlib.suppress(StopRequested):  # the signal came between two rounds of the loop
        _serve(url, name, perform, end, stopping)


def _serve(
    url: str,
    name: str,
    perform: Callable[[str], None],
    stop: Callable[[], None],
    stopping: threading.Event,
) -> None:
    rounds = itertools.count(1)
    while True:
        connection = _connect(url, timeout=None)
        try:
            queue = Queue(_QUEUE, connection=connection, serializer=JSONSerializer)
            worker = _RingWorker(
                [queue],
                # A new name each time: Redis may still know the previous worker.
                name=f"{name}-{next(rounds)}",
                connection=connection,
                serializer=JSONSerializer,
                log_job_description=False,
            )
            worker.perform = perform
            worker.stop = stop
            worker.work(logging_level="WARNING")
            if not stopping.is_set():
                log.warning("the queue can't be read; trying again")  # rq has logged why
        except redis.RedisError as error:
            log.warning("Redis does not answer (%s); trying again", error)
        except Exception:
            # Unreadable data in the queue must not end the worker.
            log.exception("reading the queue failed; trying again")
        finally:
            connection.close()
        # If Redis is down, the signal may have surfaced as its error.
        if stopping.wait(1.0):
            return
