"""Rights are checked when something runs, as they are then, for everyone whose rights it uses.

Each test has a control: the same run succeeds, and does what it does, before somebody is locked out,
leaves a team, or loses the pipeline. What must not happen is a request that a server here would count.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import nbformat
import pytest
from support.house import ONE, House, Staff, house_at, save
from support.postgres import Cluster
from support.wait import wait_for

from wb_server.connections.models import ConnectionCreate
from wb_server.connections.service import ConnectionService
from wb_server.governance.owned.models import OwnerRequest, ShareRequest
from wb_server.governance.rights import LOCKED_OUT
from wb_server.kit import clock
from wb_server.kit.errors import Conflict, Forbidden, InvalidInput
from wb_server.pipelines.models import PipelineCheck, PipelinePatch
from wb_server.pipelines.runs.models import ENDED, RerunRequest, RunDetail, RunQuery
from wb_server.pipelines.scheduler import Scheduler
from wb_server.queries.broker import Broker
from wb_server.queries.limits.models import LimitRequest
from wb_server.queries.limits.service import LimitService


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[House]:
    with postgres.connect() as connection:
        connection.execute("create or replace view nap600 as select 1 as one from pg_sleep(600)")
    with house_at(tmp_path_factory.mktemp("rights"), postgres) as it:
        # The tests tick the scheduler themselves.
        it.workbench.services.get(Scheduler).close()
        yield it


@pytest.fixture
def house(shared: House) -> Iterator[House]:
    """The Workbench with nobody locked out, and no pipelines of an earlier test."""
    yield shared
    shared.staff.groups_of = Staff().groups_of
    sharing = shared.get(ConnectionService).sharing
    for connection in shared.get(ConnectionService).list(shared["root"]):
        for share in connection.shares:
            if share.kind == "group":
                sharing.unshare(shared["root"], connection.id, "group", share.name)
    for pipeline in shared.pipelines.list(shared["root"]):
        shared.pipelines.delete(shared["root"], pipeline.id)


@dataclass
class Receiver:
    """An HTTP server that counts the requests to each path.

    Attributes:
        then: called with the path of each request; returns the status of the response.
    """

    url: str = ""
    hits: dict[str, int] = field(default_factory=dict)
    then: Callable[[str], int] = lambda _: 200


@pytest.fixture(scope="module")
def serving() -> Iterator[Receiver]:
    it = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            it.hits[self.path] = it.hits.get(self.path, 0) + 1
            self.send_response(it.then(self.path))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    it.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield it
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def receiver(serving: Receiver) -> Receiver:
    serving.hits.clear()
    serving.then = lambda _: 200
    return serving


def calling(name: str, receiver: Receiver, more: str = "", path: str = "") -> str:
    """A pipeline that calls the receiver."""
    return (
        f"name: {name}\n{more}tasks:\n  call: {{type: http, url: '{receiver.url}/{path or name}', "
        "retries: {count: 3, delay: 0s}}\n"
    )


def ended(house: House, run_id: str, seconds: float = 30) -> RunDetail:
    wait_for(lambda: house.runs.get(house["root"], run_id).state in ENDED, seconds)
    return house.runs.get(house["root"], run_id)


def runs_of(house: House, name: str) -> list[RunDetail]:
    root = house["root"]
    page = house.runs.list(root, house.pipelines.names(root), RunQuery(pipeline=name, limit=50))
    return [ended(house, run.id) for run in page.items]


def tick_at(house: House, moment: datetime) -> None:
    """Ticks the scheduler at this time, and waits until all runs have ended."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: moment)
        house.schedules.tick()
    for run in house.runs.list(
        house["root"], house.pipelines.names(house["root"]), RunQuery(limit=50)
    ).items:
        ended(house, run.id)


def transfer(house: House, pipeline_id: str, name: str, kind: str = "user") -> None:
    owner = OwnerRequest.model_validate({"kind": kind, "name": name})
    house.pipelines.transfer(house["root"], pipeline_id, owner)


def lend(
    house: House, name: str, level: str, kind: str = "user", connection: str = "warehouse"
) -> None:
    """Shares one of ana's connections."""
    share = ShareRequest.model_validate({"kind": kind, "name": name, "level": level})
    ana = house["ana"]
    shared = house.get(ConnectionService).find(ana, connection).id
    house.get(ConnectionService).sharing.share(ana, shared, share)


@pytest.fixture
def hidden(house: House, postgres: Cluster) -> str:
    """A connection of ana's that nobody else can see."""
    connections = house.get(ConnectionService)
    if "payroll_dwh" not in {view.name for view in connections.list(house["ana"])}:
        connections.create(
            house["ana"],
            ConnectionCreate(name="payroll_dwh", connector="postgres", config=postgres.config()),
        )
    return "payroll_dwh"


def groups(*names: str) -> Callable[[House, str], None]:
    def change(house: House, name: str) -> None:
        house.staff.groups_of[name] = frozenset(names)

    return change


def leaves(house: House, name: str) -> None:
    del house.staff.groups_of[name]


LOST: dict[str, tuple[Callable[[House, str], None], str]] = {
    "removed from the Hub": (leaves, "owner_gone"),
    "locked out": (groups("engineer", "finance", "locked-out"), "owner_locked_out"),
    "locked out, an administrator": (groups("admin", "locked-out"), "owner_locked_out"),
    "removed from all groups": (groups(), "owner_role_missing"),
    "in groups without a role": (groups("finance"), "owner_role_missing"),
    "a viewer by now": (groups("viewer", "finance"), "owner_role_missing"),
    "not in the team any more": (groups("engineer"), "team_left"),
    "as before": (groups("engineer", "finance"), ""),
    "an administrator by now": (groups("admin"), ""),
}


def test_a_schedule_pauses_while_its_owner_is_locked_out(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier runs stay in the list; once the owner is let in again, the schedule resumes on its own."""
    start = datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: start)
    schedule = "schedule: {cron: '0 * * * *', catch_up: all}\n"
    house.create("ana", calling("rests", receiver, schedule))
    monkeypatch.undo()
    tick_at(house, start + timedelta(hours=1))
    groups = house.staff.groups_of
    house.staff.groups_of = {**groups, "ana": frozenset({"engineer", LOCKED_OUT})}
    for hours in range(2, 12):
        tick_at(house, start + timedelta(hours=hours))
        runs_of(house, "rests")  # each has ended before the next time
    house.staff.groups_of = groups
    tick_at(house, start + timedelta(hours=13))
    codes = [run.code for run in sorted(runs_of(house, "rests"), key=lambda run: run.number)]
    assert codes == [None, "owner_locked_out", None, None]
    assert receiver.hits == {"/rests": 3}


@pytest.mark.parametrize("what", LOST)
def test_nothing_runs_for_a_user_who_lost_the_rights_it_needs(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """(what happened to eva) x (a manual run, a scheduled one, those caught up on, a rerun)."""
    change, code = LOST[what]
    before = datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: before)
    schedule = "schedule: {cron: '0 * * * *', catch_up: all}\nrun_as: team:finance\n"
    house.create("eva", calling("by_team", receiver, schedule))
    monkeypatch.undo()
    first = house.run("eva", "by_team")
    assert (first.state, receiver.hits) == ("succeeded", {"/by_team": 1})

    change(house, "eva")
    tick_at(house, before + timedelta(hours=2))
    tick_at(house, before + timedelta(hours=4))
    house.runs.rerun(house["root"], first.id, RerunRequest())
    house.run("root", "by_team")
    rest = [run for run in runs_of(house, "by_team") if run.id != first.id]
    # Of four due times, a single run reports the lost rights.
    fired = ["schedule"] * (1 if code else 4)
    assert sorted(run.trigger for run in rest) == ["manual", "rerun", *fired]
    assert {run.code or "" for run in rest} == {code}
    assert receiver.hits == {"/by_team": 1 if code else 7}
    if code:
        # Refused for good, without retries, with a message that says what to do.
        assert {len(run.tasks[0].attempts) for run in rest} == {1}
        assert len({run.message for run in rest}) == 1
        assert "An administrator can transfer the pipeline" in rest[0].message


def test_a_deleted_group_gives_no_rights(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.create("eva", calling("grouped", receiver, "run_as: team:finance\n"))
    monkeypatch.setattr(Staff, "groups", lambda _: frozenset({"engineer"}))
    assert house.run("eva", "grouped").code == "owner_gone"
    assert receiver.hits == {}


def test_a_retry_and_the_next_task_check_rights_again(house: House, receiver: Receiver) -> None:
    """A worker continues a run at once; eva is locked out between two attempts."""

    def lock_out(_: str) -> int:
        house.staff.groups_of["eva"] |= {"locked-out"}
        return status

    receiver.then = lock_out
    tasks = calling("chained", receiver, path="first") + (
        f"  after: {{type: http, needs: [call], url: '{receiver.url}/second'}}\n"
    )
    house.create("eva", tasks)
    status = 200
    run = house.run("root", "chained")
    assert [task.code for task in run.tasks] == [None, "owner_locked_out"]
    assert receiver.hits == {"/first": 1}

    house.staff.groups_of = Staff().groups_of
    status = 500
    run = house.run("root", "chained")
    assert [each.code for each in run.tasks[0].attempts] == ["http_status", "owner_locked_out"]
    assert receiver.hits == {"/first": 2}


@pytest.mark.parametrize("what", ["locked out", "not in the team any more"])
def test_running_tasks_are_stopped_soon_after_rights_are_lost(
    house: House, postgres: Cluster, receiver: Receiver, what: str
) -> None:
    """A statement, a request and a notebook, none of which would end on its own."""
    change, code = LOST[what]
    lend(house, "finance", "use", "group")
    held = threading.Event()

    def hold(_: str) -> int:
        held.wait(60)
        return 200

    receiver.then = hold
    cells = [nbformat.v4.new_code_cell(code) for code in ("import time", "time.sleep(600)")]
    content = nbformat.writes(nbformat.v4.new_notebook(cells=cells)).encode()
    team = "run_as: team:finance\n"
    texts = {
        "asked": calling("asked", receiver, team),
        "slept": f"name: slept\n{team}tasks:\n  t: {{type: sql, connection: warehouse, "
        "statement: 'select one from nap600'}\n",
    }
    if what == "locked out":  # a team account can't run notebooks
        texts["drawn"] = "name: drawn\ntasks:\n  n: {type: notebook, notebook: n.ipynb}\n"
    started = []
    for name, text in texts.items():
        made = house.create("eva", text, {"n.ipynb": content} if name == "drawn" else None)
        started.append(house.runs.start(made, "manual", "root", clock.now()))
    try:
        wait_for(lambda: receiver.hits and postgres.active("nap600"), 30)
        if "drawn" in texts:
            wait_for(lambda: _cell_runs(house, started[2]), 30)
        change(house, "eva")
        for run_id in started:
            run = ended(house, run_id, 20)
            assert (run.state, run.code) == ("failed", code)
            assert len(run.tasks[0].attempts) == 1
        wait_for(lambda: not postgres.active("nap600"), 10)
    finally:
        held.set()


def test_a_queued_statement_is_checked_with_the_rights_at_its_start(
    house: House, postgres: Cluster, hidden: str
) -> None:
    """eva has the connection through a group, which she leaves while her statement waits."""
    root = house["root"]
    limits, broker = house.get(LimitService), house.get(Broker)
    limits.put(root, LimitRequest(kind="user", subject="eva", concurrent=1))
    lend(house, "finance", "use", "group", hidden)
    text = ONE.format(name="holds").replace("select 1 as n", "select one from nap600")
    holds = house.runs.start(house.create("eva", text), "manual", "eva", clock.now())
    try:
        wait_for(lambda: postgres.active("nap600"))
        for ending in ("succeeded", "unknown_connection"):
            name = f"ends_{ending}"
            text = ONE.format(name=name).replace("warehouse", hidden)
            waits = house.runs.start(house.create("eva", text), "manual", "eva", clock.now())
            wait_for(
                lambda: "waiting" in {query.state for query in broker.active.list(house["eva"])}
            )
            if ending != "succeeded":
                house.staff.groups_of["eva"] = frozenset({"engineer"})
            house.runs.cancel(root, holds)
            run = ended(house, waits)
            assert (run.code or run.state) == ending
            holds = house.runs.start(
                house.pipelines.saved(root, "holds"), "manual", "eva", clock.now()
            )
            wait_for(lambda: postgres.active("nap600"))
    finally:
        house.runs.cancel(root, holds)
        limits.remove(root, "user", "eva")


def _cell_runs(house: House, run_id: str) -> bool:
    tries = house.runs.get(house["root"], run_id).tasks[0].attempts
    return bool(tries) and bool((tries[-1].progress or {}).get("done"))


# --- another owner --------------------------------------------------------------------------------


def test_a_transfer_waits_for_the_new_owner(house: House, receiver: Receiver) -> None:
    """Nothing that ana wrote runs as ben: manually, on its schedule, or as a rerun."""
    made = house.create("ana", calling("moved", receiver, "schedule: {cron: '* * * * *'}\n"))
    old = house.run("ana", "moved")
    assert receiver.hits == {"/moved": 1}
    transfer(house, made.id, "ben")
    view = house.pipelines.get(house["ben"], made.id)
    assert (view.approved, view.head, view.next_fire_at) == (None, 1, None)
    assert house.pipelines.versions(house["ben"], made.id)[0].approved_for == "user:ana"
    house.pipelines.patch(house["ben"], made.id, PipelinePatch(paused=True))
    house.pipelines.patch(house["ben"], made.id, PipelinePatch(paused=False))
    assert house.schedules.tick() == 0
    for attack in (
        lambda: house.run("ben", "moved"),
        lambda: house.run("root", "moved"),
        lambda: house.runs.rerun(house["ben"], old.id, RerunRequest()),
        lambda: house.runs.rerun(house["root"], old.id, RerunRequest(what="task", task="call")),
    ):
        with pytest.raises(Conflict) as refused:
            attack()
        assert refused.value.code == "not_approved"
        assert "ben can approve" in refused.value.message
    assert receiver.hits == {"/moved": 1}

    # Nobody can approve in ben's place: neither the administrator nor a user with `manage`.
    house.share("ben", made.id, "ana", "manage")
    for other in ("root", "ana"):
        with pytest.raises(Forbidden) as forbidden:
            house.pipelines.approve(house[other], made.id, 1)
        assert forbidden.value.code == "owner_only"
        assert "pipeline.approve" not in house.pipelines.get(house[other], made.id).actions
        waits = house.pipelines.save(house[other], made.id, save(view_text(house, made.id)))
        assert waits.approved is None
    head = house.pipelines.get(house["ben"], made.id).head
    view = house.pipelines.approve(house["ben"], made.id, head)
    assert view.next_fire_at is not None
    assert house.run("ana", "moved").run_as == "user:ben"
    assert receiver.hits == {"/moved": 2}
    with pytest.raises(Conflict):  # that version is still approved for ana
        house.runs.rerun(house["ben"], old.id, RerunRequest())


def view_text(house: House, pipeline_id: str) -> str:
    head = house.pipelines.get(house["root"], pipeline_id).head
    return house.pipelines.version(house["root"], pipeline_id, head).text


def test_undoing_a_transfer_restores_the_approval(house: House, receiver: Receiver) -> None:
    made = house.create("ana", calling("lent", receiver, "schedule: {cron: '@hourly'}\n"))
    transfer(house, made.id, "ana")  # she owns it already
    assert house.pipelines.get(house["ana"], made.id).approved == 1
    transfer(house, made.id, "ben")
    transfer(house, made.id, "ana")
    back = house.pipelines.get(house["ana"], made.id)
    assert back.approved == 1
    assert back.next_fire_at is not None
    # What ben approved meanwhile doesn't run with ana's rights.
    transfer(house, made.id, "ben")
    house.pipelines.approve(house["ben"], made.id, 1)
    transfer(house, made.id, "ana")
    assert house.pipelines.get(house["ana"], made.id).approved is None


def test_a_transfer_cancels_runs_with_the_former_owners_rights(
    house: House, postgres: Cluster, receiver: Receiver
) -> None:
    text = (
        "name: moving\ntasks:\n"
        "  t: {type: sql, connection: warehouse, statement: 'select one from nap600'}\n"
        f"  after: {{type: http, needs: [t], url: '{receiver.url}/after'}}\n"
    )
    made = house.create("ana", text)
    started = [house.runs.start(made, "manual", "ana", clock.now()) for _ in range(2)]
    wait_for(lambda: postgres.active("nap600"))
    transfer(house, made.id, "ben")
    assert [ended(house, run_id).state for run_id in started] == ["cancelled", "cancelled"]
    wait_for(lambda: not postgres.active("nap600"))
    # A run that was started with data from before the transfer is refused as well.
    late = ended(house, house.runs.start(made, "manual", "ana", clock.now()))
    assert late.code == "not_approved"
    house.pipelines.approve(house["ben"], made.id, 1)
    late = ended(house, house.runs.start(made, "manual", "ana", clock.now()))
    assert late.code == "owner_changed"


def test_results_made_with_other_rights_are_not_reused(house: House, receiver: Receiver) -> None:
    receiver.then = lambda path: 500 if path == "/second" else 200
    text = calling("taken", receiver, path="first") + (
        f"  after: {{type: http, needs: [call], url: '{receiver.url}/second'}}\n"
    )
    made = house.create("ana", text)
    run = house.run("ana", "taken")
    assert run.state == "failed"
    transfer(house, made.id, "ben")
    house.pipelines.approve(house["ben"], made.id, 1)
    for request in (RerunRequest(what="failed"), RerunRequest(what="task", task="after")):
        with pytest.raises(Conflict) as refused:
            house.runs.rerun(house["ben"], run.id, request)
        assert refused.value.code == "owner_changed"
    again = ended(house, house.runs.rerun(house["ben"], run.id, RerunRequest()).id)
    assert again.run_as == "user:ben"


def test_a_teams_pipeline_keeps_running_after_its_approver_leaves(
    house: House, receiver: Receiver
) -> None:
    made = house.create("ana", calling("teams", receiver))
    transfer(house, made.id, "finance", "team")
    with pytest.raises(Conflict):
        house.run("eva", "teams")
    house.pipelines.approve(house["eva"], made.id, 1)
    house.staff.groups_of["eva"] = frozenset({"engineer"})
    run = house.run("root", "teams")
    assert (run.run_as, run.state) == ("team:finance", "succeeded")
    house.share("root", made.id, "eva", "manage")
    with pytest.raises(Forbidden):  # but she can't approve for the team any more
        house.pipelines.approve(house["eva"], made.id, 1)


def test_a_teams_pipeline_runs_as_another_team_while_its_approver_is_a_member(
    house: House, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sales owns it, it runs as finance: eva, who approved it, has to be in finance."""
    monkeypatch.setattr(Staff, "groups", lambda _: frozenset({"finance", "sales"}))
    house.staff.groups_of["eva"] |= {"sales"}
    made = house.create("eva", calling("mixed", receiver, "run_as: team:finance\n"))
    transfer(house, made.id, "sales", "team")
    house.pipelines.approve(house["eva"], made.id, 1)
    assert house.run("eva", "mixed").state == "succeeded"
    house.staff.groups_of["eva"] -= {"finance"}
    assert house.run("eva", "mixed").code == "team_left"
    house.staff.groups_of["eva"] |= {"finance", "locked-out"}
    assert house.run("root", "mixed").code == "owner_locked_out"


def test_a_deleted_pipelines_run_cannot_be_rerun(house: House, receiver: Receiver) -> None:
    made = house.create("ana", calling("erased", receiver))
    run = house.run("ana", "erased")
    house.pipelines.delete(house["ana"], made.id)
    with pytest.raises(Conflict) as refused:
        house.runs.rerun(house["ana"], run.id, RerunRequest())
    assert refused.value.code == "deleted"


# --- approvals ------------------------------------------------------------------------------------


def test_an_owner_does_not_approve_somebody_elses_files_implicitly(house: House) -> None:
    """ben's folder doesn't run as ana just because she edited the pipeline file or restored his version."""
    text = ONE.format(name="kept")
    made = house.create("ana", text, {"a.py": b"hers"})
    house.share("ana", made.id, "ben", "edit")
    house.pipelines.save(house["ben"], made.id, save(text, {"a.py": b"his"}))
    ana = house["ana"]
    assert house.pipelines.save(ana, made.id, save(text, keep_files=True)).approved == 1
    assert house.pipelines.restore_version(ana, made.id, 2).approved == 1
    # What she sends complete, or restores of her own, runs.
    assert house.pipelines.restore_version(ana, made.id, 1).approved == 5
    assert house.pipelines.save(ana, made.id, save(text, keep_files=True)).approved == 6
    assert house.pipelines.save(ana, made.id, save(text, {"a.py": b"more"})).approved == 7


@pytest.mark.parametrize("level", ["edit", "manage"])
def test_a_share_gives_no_right_to_approve(house: House, level: str) -> None:
    made = house.create("ana", ONE.format(name="held"))
    house.share("ana", made.id, "ben", level)
    changed = house.pipelines.save(house["ben"], made.id, save(ONE.format(name="held")))
    assert (changed.head, changed.approved) == (2, 1)
    with pytest.raises(Forbidden):
        house.pipelines.approve(house["ben"], made.id, 2)
    assert house.pipelines.approve(house["ana"], made.id, 2).approved == 2


# --- what an editor finds out ---------------------------------------------------------------------


SQL = "name: told\ntasks:\n  t: {{type: sql, connection: {0}, statement: '{1}'{2}}}\n"
COPY = (
    "name: told\ntasks:\n  t: {{type: copy, from: {{connection: {0}, query: 'select 1 as n'}}, "
    "to: {{connection: {0}, table: t}}}}\n"
)


@pytest.mark.parametrize("run_as", ["", "run_as: team:finance\n"])
@pytest.mark.parametrize(
    "text",
    [
        SQL.replace("{1}", "select 1").replace("{2}", ""),
        SQL.replace("{1}", "selct 1").replace("{2}", ""),
        SQL.replace("{1}", "delete from t").replace("{2}", ""),
        SQL.replace("{1}", "select 1").replace("{2}", ", into: {{connection: {0}, table: t}}"),
        COPY,
    ],
    ids=["reads", "is wrong", "writes", "loads", "copies"],
)
def test_an_editor_cannot_discover_names_through_checks(
    house: House, hidden: str, text: str, run_as: str
) -> None:
    """A connection that exists, one that doesn't, and a similar name: ben can't tell them apart."""
    made = house.create("ana", ONE.format(name="told"))
    house.share("ana", made.id, "ben", "edit")
    finance = ShareRequest(kind="group", name="finance", level="write")
    sharing, found = house.get(ConnectionService).sharing, house.get(ConnectionService)
    sharing.share(house["ana"], found.find(house["ana"], hidden).id, finance)

    def asked(who: str, name: str, pipeline_id: str | None = made.id) -> set[str]:
        request = PipelineCheck(text=text.format(name) + run_as, pipeline_id=pipeline_id)
        problems = house.pipelines.check(house[who], request).problems
        return {problem.message.replace(name, "…") for problem in problems}

    for who, pipeline_id in (("ben", made.id), ("ben", None), ("cem", None)):
        there = asked(who, hidden, pipeline_id)
        assert there
        assert there == asked(who, "payroll_dvh", pipeline_id)
        assert there == asked(who, "pay2oll_dwh", pipeline_id)
        assert not any(hidden in message for message in there)
    if not run_as:
        # Its owner sees the reason, with suggestions.
        assert not any("no connection" in message for message in asked("ana", hidden))
        assert any(hidden in message for message in asked("ana", "pay2oll_dwh"))
    with pytest.raises(InvalidInput):
        house.pipelines.save(house["ben"], made.id, save(text.format(hidden) + run_as))


def test_an_editor_may_use_connections_that_they_know(house: House, hidden: str) -> None:
    """Those that the file names already, and those of their own."""
    made = house.create("ana", ONE.format(name="known").replace("warehouse", hidden))
    house.share("ana", made.id, "ben", "edit")
    for name in (hidden, "warehouse"):
        text = ONE.format(name="known").replace("warehouse", name).replace("select 1", "select 2")
        assert house.pipelines.save(house["ben"], made.id, save(text)).approved == 1
    eva = house.create("eva", ONE.format(name="evas"))
    house.share("eva", eva.id, "ana", "edit")
    text = ONE.format(name="evas").replace("warehouse", hidden)
    request = PipelineCheck(text=text, pipeline_id=eva.id)
    (problem,) = house.pipelines.check(house["ana"], request).problems
    assert problem.message == f"eva has no connection “{hidden}”."


def test_a_run_does_not_reveal_its_owners_connections(house: House, hidden: str) -> None:
    """ben may start it, and reads why it failed."""
    connections, ana = house.get(ConnectionService), house["ana"]
    made = house.create("ana", ONE.format(name="failing").replace("warehouse", hidden))
    house.share("ana", made.id, "ben", "run")
    found = connections.find(ana, hidden)
    connections.delete(ana, found.id)
    try:
        other = ConnectionCreate(
            name="payroll_dw2", connector="postgres", config=found.config | {"password": "x"}
        )
        second = connections.create(ana, other)
        run = house.run("ben", "failing")
        assert run.code == "unknown_connection"
        assert "payroll_dw2" not in run.model_dump_json()
        connections.delete(ana, second.id)
    finally:
        connections.restore(ana, found.id)


def test_a_team_account_gives_no_rights_of_a_higher_role(house: House) -> None:
    """ben is an analyst in finance: its account gives him nothing that is shared with engineers."""
    house.staff.groups_of["ben"] = frozenset({"analyst", "finance"})
    lend(house, "engineer", "write", "group")
    house.get(ConnectionService).sharing.unshare(
        house["ana"],
        house.get(ConnectionService).find(house["ana"], "warehouse").id,
        "user",
        "ben",
    )
    try:
        for run_as in ("", "run_as: team:finance\n", "run_as: team:analyst\n"):
            with pytest.raises(InvalidInput) as refused:
                house.create("ben", ONE.format(name="climbing") + run_as)
            problems = refused.value.details["problems"]
            assert [problem["code"] for problem in problems] == ["connection"]
    finally:
        lend(house, "ben", "use")
