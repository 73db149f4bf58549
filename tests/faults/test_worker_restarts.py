"""A worker that is started again frees the tasks of its killed predecessor, long before their leases expire."""

from __future__ import annotations

import os
from pathlib import Path

from support.postgres import Cluster
from support.site import site
from support.wait import wait_for


def test_a_restarted_worker_frees_its_predecessors_tasks(tmp_path: Path, postgres: Cluster) -> None:
    mark = f"t{os.urandom(4).hex()}"
    with postgres.connect() as connection:
        connection.execute(f"create table {mark} (n int)")
        connection.execute(
            f"create view {mark}_nap as select 1 as n from pg_sleep(case when exists "
            f"(select from {mark}) then 0 else 600 end)"
        )
    with site(tmp_path, WB_LEASE_SECONDS="600") as place:
        place.connect("warehouse", postgres.config())
        place.save(
            "name: nap\ntasks:\n  t: {type: sql, connection: warehouse, "
            f"statement: 'select n from {mark}_nap'}}\n"
        )
        place.start_worker()
        other = place.start_worker()
        run = place.run("nap")
        place.running(run, "t")
        wait_for(lambda: postgres.active(f"{mark}_nap"))
        pid = int(place.task(run, "t").attempts[0].worker.rsplit("-", 2)[1])
        (busy,) = (each for each in place.workers if each.pid == pid)
        idle = next(each for each in place.workers if each.pid != pid)
        place.kill(busy)
        with postgres.connect() as connection:
            connection.execute(f"insert into {mark} values (1)")
        # The other one keeps what it has: only the dead one's tasks are freed.
        assert place.task(run, "t").state == "running"
        place.start_worker()
        done = place.ended(run, 60)
        assert done.state == "succeeded", done.message
        assert [each.state for each in done.tasks[0].attempts] == ["lost", "succeeded"]
        assert idle.poll() is None and other.returncode in (None, -9)
        names = {path.name for path in (tmp_path / "data" / "workers").iterdir()}
        assert not any(f"-{pid}-" in name for name in names)
    # Those that were terminated ended their tasks themselves, and leave nothing.
    assert list((tmp_path / "data" / "workers").iterdir()) == []
