"""Pipelines survive faults of schedulers, the service and the metadata database.

Each test prints how often the fault hit its window.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from support.postgres import Cluster
from support.site import ACTOR, Site
from support.wait import wait_for

from wb_server.composition import build
from wb_server.governance.audit.store import audit
from wb_server.kit import clock
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.kit.errors import LimitReached
from wb_server.pipelines.runs.models import RunDetail
from wb_server.pipelines.runs.tables import attempts, task_runs
from wb_server.pipelines.scheduler import Scheduler
from wb_server.queries.broker import Broker
from wb_server.queries.limits.models import LimitRequest
from wb_server.queries.limits.service import LimitService
from wb_server.queries.models import QueryRequest

WHERE = Origin("127.0.0.1", "request")
_MINUTE = timedelta(minutes=1)
_EACH_MINUTE = """name: {name}
schedule: {{cron: "* * * * *", catch_up: all}}
concurrency: skip
tasks:
  one: {{type: sql, connection: warehouse, statement: 'select 1'}}
"""


def chain(name: str, length: int, statement: str = "select 1") -> str:
    """A pipeline whose tasks run one after the other."""
    tasks = (
        f"  t{n}: {{type: sql, connection: warehouse, statement: '{statement}', "
        f"needs: [{f't{n - 1}' if n else ''}]}}\n"
        for n in range(length)
    )
    return f"name: {name}\ntasks:\n" + "".join(tasks)


def floor(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def each_minute(since: datetime, until: datetime) -> list[datetime]:
    """All whole minutes after ``since``, up to ``until``."""
    count = int((floor(until) - floor(since)) / _MINUTE)
    return [floor(since) + _MINUTE * (n + 1) for n in range(count)]


def fired_once(place: Site, name: str, since: datetime) -> None:
    """Asserts that each minute since then has one fire and one run."""
    fires = place.fires(name)
    assert fires == each_minute(since, fires[-1])
    # Another minute may have begun in the meantime.
    assert place.scheduled(name)[: len(fires)] == fires


def succeeded_once(place: Site, run: RunDetail) -> None:
    """Asserts that the run succeeded, with one successful attempt per task."""
    assert run.state == "succeeded", run.message
    with place.database.read() as transaction:
        states = transaction.execute(
            sa.select(task_runs.c.task, sa.func.count())
            .join(attempts, attempts.c.task_run_id == task_runs.c.id)
            .where(task_runs.c.run_id == run.id, attempts.c.state == "succeeded")
            .group_by(task_runs.c.task)
        ).all()
    assert sorted(states) == sorted((task.task, 1) for task in run.tasks)


def test_a_scheduler_killed_while_it_fires(place: Site) -> None:
    """Its fires stand, and the next scheduler fires the rest: each time once."""
    place.save(_EACH_MINUTE.format(name="minutely"))
    since = floor(clock.now()) - 150 * _MINUTE
    place.owe("minutely", since)
    hit = 0
    for least in (10, 60):
        wait_for(lambda least=least: len(place.fires("minutely")) >= least)
        place.kill(place.schedulers[0])
        hit += len(place.fires("minutely")) < 150
        place.start_scheduler()
    wait_for(lambda: len(place.fires("minutely")) >= 150, 30)
    print(f"killed in the middle of firing: {hit} of 2")
    fired_once(place, "minutely", since)
    assert hit


def test_fire_times_with_a_clock_that_jumps(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing fires early; once due it fires one run, whichever scheduler sees it first."""
    for process in place.schedulers[:]:
        place.kill(process)  # these run on real time
    place.save(_EACH_MINUTE.format(name="minutely"))
    begin = floor(clock.now()) + timedelta(hours=2)
    place.owe("minutely", begin)
    moment = begin
    monkeypatch.setattr(clock, "now", lambda: moment)
    ticking = [place.workbench, build(place.settings, "scheduler")]
    try:
        for seconds, expected in ((59, 0), (60, 1), (60.5, 1), (119, 1), (121, 2), (600, 10)):
            moment = begin + timedelta(seconds=seconds)
            for workbench in ticking:
                workbench.services.get(Scheduler).tick()
            assert len(place.fires("minutely")) == expected, seconds
        # A scheduler killed between firing and recording it: the next one finds the fires.
        place.owe("minutely", begin)
        for workbench in ticking:
            workbench.services.get(Scheduler).tick()
    finally:
        ticking[1].close()
    fired_once(place, "minutely", begin)
    assert len(place.fires("minutely")) == 10


def test_two_schedulers_and_three_workers_at_once(place: Site, postgres: Cluster) -> None:
    """Each task runs once although several workers compete for it, and no fire is duplicated."""
    place.complete(workers=3, schedulers=2)
    with postgres.connect() as connection:
        connection.execute("drop table if exists crowd; create table crowd (run text, task text)")
    tasks = "".join(
        f"  {name}: {{type: sql, connection: warehouse, needs: [{needs}], statement: "
        f"\"insert into crowd values ({{{{ run.id }}}}, '{name}')\"}}\n"
        for name, needs in [
            ("root", ""),
            *((f"leaf{n}", "root") for n in range(8)),
            ("end", ", ".join(f"leaf{n}" for n in range(8))),
        ]
    )
    for number in range(4):
        place.save(f"name: fan{number}\ntasks:\n{tasks}")
    place.save(_EACH_MINUTE.format(name="minutely"))
    since = floor(clock.now()) - 60 * _MINUTE
    place.owe("minutely", since)
    runs = [place.run(f"fan{number}") for number in range(4) for _ in range(2)]
    ended = [place.ended(run) for run in runs]
    for run in ended:
        succeeded_once(place, run)
    with postgres.connect() as connection:
        rows = connection.execute("select count(*), count(distinct (run, task)) from crowd")
        assert rows.fetchone() == (80, 80)
    wait_for(lambda: len(place.fires("minutely")) >= 60)
    fired_once(place, "minutely", since)
    used = {attempt.worker for run in ended for task in run.tasks for attempt in task.attempts}
    print(f"workers that took part: {len(used)} of 3")
    assert len(used) > 1


def test_the_service_is_restarted_during_runs(place: Site) -> None:
    """Runs don't need the service, and once back it sees all of them."""
    place.save(chain("going", 3, "select one from nap1"))
    place.save(chain("later", 3))
    run = place.run("going")
    place.running(run, "t0")
    place.restart_service()
    hit = place.detail(run).state == "running"
    print(f"a run was running during the restart: {hit:d} of 1")
    assert hit
    later = place.run("later")
    for each in (later, run):
        done = place.ended(each)
        succeeded_once(place, done)
        assert [len(task.attempts) for task in done.tasks] == [1, 1, 1]
    # The audit log has the end of each statement, also of those that ran during the restart.
    with place.database.read() as transaction:
        ends = transaction.execute(
            sa.select(audit.c.outcome)
            .where(audit.c.event == "finished", audit.c.action == "query.read")
            .where(audit.c.via.in_([f"run:{run}", f"run:{later}"]))
        ).scalars()
        assert list(ends) == ["ok"] * 6


@pytest.mark.parametrize("shared", ["postgresql"], indirect=True)
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_the_metadata_database_is_restarted(
    place: Site, metadata: Cluster, postgres: Cluster, mode: str
) -> None:
    """Workers and schedulers wait for it, and continue with the same tasks."""
    with postgres.connect() as connection:
        connection.execute("drop table if exists kept; create table kept (run text, task text)")
    place.save(
        "name: kept\ntasks:\n"
        + "".join(
            f"  t{n}: {{type: sql, connection: warehouse, needs: [{f't{n - 1}' if n else ''}], "
            f"statement: \"insert into kept select {{{{ run.id }}}}, 't{n}' from nap1\"}}\n"
            for n in range(3)
        )
    )
    runs = [place.run("kept") for _ in range(2)]  # the second one waits for the first
    place.running(runs[0], "t1")
    wait_for(lambda: postgres.active("kept"))
    metadata.stop(mode)
    hit = bool(postgres.active("kept"))
    processes = [*place.workers, *place.schedulers]
    wait_for(lambda: not postgres.active("kept"))
    metadata.start()
    for run in runs:
        done = place.ended(run)
        assert done.state == "succeeded", done.message
    print(f"a statement ran while the metadata database stopped: {hit}")
    assert [process.poll() for process in processes] == [None] * 3, place.log("worker")
    with postgres.connect() as connection:
        rows = connection.execute("select count(*), count(distinct (run, task)) from kept")
        assert rows.fetchone() == (6, 6)


def test_the_service_lists_counts_and_stops_a_workers_query(place: Site, postgres: Cluster) -> None:
    """As if the query ran in the service itself."""
    place.restart_service()
    services = place.workbench.api.services
    broker, limits = services.get(Broker), services.get(LimitService)
    place.save(
        "name: long\ndefaults: {retries: {count: 2, delay: 0s}}\n"
        "tasks:\n  t: {type: sql, connection: warehouse, statement: 'select one from nap600'}\n"
    )
    run = place.run("long")
    # A killed worker's queries stay listed for ten seconds.
    wait_for(lambda: [each.run_id for each in broker.active.list(ACTOR)] == [run])
    (query,) = broker.active.list(ACTOR)
    assert (query.run_id, query.connection, query.state) == (run, "warehouse", "running")
    assert "nap600" in query.statement
    assert limits.mine(ACTOR).running == 1

    # It counts towards its owner's limit: with a limit of one, none is left.
    limits.put(ACTOR, LimitRequest(kind="user", subject=ACTOR.name, concurrent=1))
    request = QueryRequest(connection="warehouse", sql="select 1")
    try:
        with pytest.raises(LimitReached, match="You already have 1 query"):
            broker.statements.read(ACTOR, WHERE, request, HangUp())
    finally:
        limits.remove(ACTOR, "user", ACTOR.name)

    broker.active.cancel(ACTOR, query.id)
    done = place.ended(run, 10)
    assert (done.state, done.tasks[0].code) == ("failed", "cancelled")
    assert len(done.tasks[0].attempts) == 1
    wait_for(lambda: not postgres.active("nap600"), 5)
    wait_for(lambda: not broker.active.list(ACTOR))
    assert limits.mine(ACTOR).running == 0


def test_a_cancel_without_any_worker(place: Site) -> None:
    """The scheduler ends what a killed worker left running, and nothing restarts it."""
    place.save(
        "name: left\ntasks:\n  t: {type: sql, connection: warehouse, "
        "statement: 'select one from nap600'}\n"
    )
    run = place.run("left")
    place.running(run, "t")
    for worker in place.workers[:]:
        place.kill(worker)
    place.runs.cancel(ACTOR, run)
    done = place.ended(run, 15)
    assert done.state == "cancelled"
    assert [each.state for each in done.tasks[0].attempts] == ["lost"]
    assert done.finished_at is not None
    assert done.finished_at <= datetime.now(UTC)


@pytest.mark.parametrize("shared", ["sqlite"], indirect=True)
def test_a_worker_is_terminated_while_redis_is_down(place: Site) -> None:
    place.save(chain("after", 2))
    done = place.ended(place.run("after"))
    pid = int(done.tasks[0].attempts[0].worker.rsplit("-", 2)[1])
    worker = next(each for each in place.workers if each.pid == pid)
    place.redis.kill()
    try:
        wait_for(lambda: f"-{pid}-" in place.log("worker"))  # it logs that Redis is unreachable
        worker.terminate()
        assert worker.wait(15) == 0, place.log("worker")
    finally:
        place.redis.start()
    assert place.ended(place.run("after"), 20).state == "succeeded"
