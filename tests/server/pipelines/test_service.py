"""The rules of pipelines: saving, versions, approval, rights, and whose rights a run has."""

from __future__ import annotations

import pytest
from support.house import ONE, House, save

from wb_server.connections.service import ConnectionService
from wb_server.governance.owned.models import OwnerRequest, ShareRequest
from wb_server.kit.errors import Conflict, Forbidden, InvalidInput, NotFound, TooLarge
from wb_server.kit.paging import encode_cursor
from wb_server.pipelines.dependents import DependentPipelines
from wb_server.pipelines.models import PipelineCheck, PipelineListQuery, PipelinePatch
from wb_server.pipelines.runs.models import RerunRequest, RunQuery, RunRequest
from wb_server.user_server.folder import MAX_SNAPSHOT


def test_a_list_has_pages(house: House) -> None:
    names = [f"p{number}" for number in (3, 1, 10, 2)]
    for name in names:
        house.create("ana", ONE.format(name=name))
    seen, cursor = [], None
    while True:
        query = PipelineListQuery.model_validate({"limit": 3, "cursor": cursor})
        page = house.pipelines.page(house["ana"], query)
        seen.append([item.name for item in page.items])
        cursor = page.next
        if cursor is None:
            break
        # Deleting what was seen doesn't make the next page skip anything.
        house.pipelines.delete(house["ana"], page.items[0].id)
    assert seen == [["p1", "p10", "p2"], ["p3"]]
    for cursor in ("?", "WyJhIl", encode_cursor(3)):
        with pytest.raises(InvalidInput, match="cursor"):
            house.pipelines.page(house["ana"], PipelineListQuery(cursor=cursor))


def test_an_expression_in_place_of_a_name_is_refused_at_its_place(house: House) -> None:
    def problems(sql: str) -> list[tuple[int, int, str]]:
        text = (
            "name: p\nparameters: {t: {type: text}, n: {type: integer}}\ntasks:\n  a:\n    type: sql\n"
            f"    connection: warehouse\n    statement: |\n      select 1;\n      {sql}\n"
        ).replace("      select 1;\n", "      -- a comment\n")
        found = house.pipelines.check(house["ana"], PipelineCheck(text=text)).problems
        return [(each.line, each.column, each.message) for each in found]

    for sql in (
        "select 1 from @", "select @.x from a", "select 1 from s.@", "select t.@ from t",
        "select * from a join @ on true", "select * from a, @", "select * from a join b using (@)",
        "select 1 as @", "with @ as (select 1) select 1", "select * from a order by @ desc",
        "insert into @ values (1)", "insert into x (@) values (1)", "update @ set a = 1",
        "update x set @ = 1", "delete from @", "drop table @", "create table @ (a int)", "truncate @",
    ):  # fmt: skip
        ((line, column, message),) = problems(sql.replace("@", "{{ params.t }}"))
        assert (line, column) == (9, 7 + sql.index("@")), sql
        assert "not a name" in message
    for sql in (
        "select @, extract(year from @::date), substring('abc' from @) from pg_class limit {{ params.n }}",
        "select 1 where 1 is distinct from @", "select relname from pg_class where relname in (@)",
        "select relname, row_number() over (order by @) from pg_class group by relname, @",
        "select interval '1 day' * @, trim(both from @), array[@], (array[1])[@], @::text",
        "select a from (values (@)) as v(a) order by a + @",
    ):  # fmt: skip
        assert problems(sql.replace("@", "{{ params.n }}")) == [], sql
    ((line, column, message),) = problems("select {{ params.n }} + foo bar baz")
    assert (line, column, message) == (9, 39, "The SQL can't be read, near 'baz'.")


def test_a_promise_without_effect_is_a_warning_and_is_saved(house: House) -> None:
    text = ONE.format(name="late") + "sla: 2h\n"
    checked = house.pipelines.check(house["ana"], PipelineCheck(text=text))
    (warning,) = checked.warnings
    assert (checked.ok, warning.code, warning.line, warning.column) == (True, "no_effect", 4, 1)
    made = house.pipelines.create(house["ana"], save(text))
    assert [each.message for each in made.warnings] == [warning.message]
    assert house.pipelines.save(house["ana"], made.id, save(ONE.format(name="late"))).warnings == []
    assert house.run("ana", "late").state == "succeeded"


def test_a_pipeline_is_saved_listed_and_run(house: House) -> None:
    made = house.create(
        "ana", ONE.format(name="first") + "labels: [nightly]\ndescription: A test\n"
    )
    assert (made.name, made.head, made.approved, made.level) == ("first", 1, 1, "manage")
    assert [p.name for p in house.pipelines.list(house["ana"], search="test night")] == ["first"]
    weekly = PipelineListQuery(label="weekly")
    assert house.pipelines.page(house["ana"], weekly).items == []
    run = house.run("ana", "first")
    assert run.state == "succeeded", run.message
    assert run.tasks[0].outputs == {"rows": 1, "n": 1}
    (listed,) = house.pipelines.list(house["ana"])
    assert listed.last_run is not None
    assert listed.last_run.id == run.id


def test_the_pipelines_that_use_a_connection_are_known_whoever_owns_them(house: House) -> None:
    used = house.get(DependentPipelines)
    connection = house.get(ConnectionService).find(house["ana"], "warehouse")
    by_ana, by_ben = (house.create(who, ONE.format(name=f"by_{who}")) for who in ("ana", "ben"))
    other = "tasks: {t: {type: http, url: 'https://localhost/'}}\n"
    house.create("ana", f"name: mentions\ndescription: not the warehouse\n{other}")
    gone = house.create("ana", ONE.format(name="gone"))
    house.pipelines.delete(house["ana"], gone.id)

    def names() -> list[tuple[str, str]]:
        items = used.of(house["ana"], connection.id).items
        return [(item.name, item.owner.name) for item in items]

    assert names() == [("by_ana", "ana"), ("by_ben", "ben")]
    # A version that doesn't use it any more doesn't count, even if it did in a run.
    assert house.run("ana", "by_ana").state == "succeeded"
    house.pipelines.save(house["ana"], by_ana.id, save(f"name: by_ana\n{other}"))
    assert names() == [("by_ben", "ben")]
    with pytest.raises(NotFound):
        used.of(house["ana"], by_ben.id)


def test_all_problems_are_reported_at_once_and_nothing_is_saved(house: House) -> None:
    text = (
        "name: bad\n"
        "schedule: {cron: '61 * * * *', timezone: Nowhere/Else}\n"
        "tasks:\n"
        "  a: {type: sql, connection: nothing_like_it, statement: 'select 1', needs: [b]}\n"
        "  b: {type: sql, connection: warehouse, statement: 'select {{ params.x }}', needs: [a]}\n"
        "  c: {type: unknown}\n"
        "  d: {type: notebook, notebook: missing.ipynb}\n"
    )
    with pytest.raises(InvalidInput) as refused:
        house.create("ana", text)
    problems = refused.value.details["problems"]
    assert {p["code"] for p in problems} >= {
        "bad_cron", "bad_zone", "cycle", "connection", "unknown_name", "unknown_task_type", "missing_file",
    }  # fmt: skip
    assert all(1 <= p["line"] <= 7 and p["column"] >= 1 for p in problems)
    assert house.pipelines.list(house["root"]) == []
    checked = house.pipelines.check(house["ana"], PipelineCheck(text=text))
    assert not checked.ok
    assert len(checked.problems) == len(problems)


def test_a_name_is_unique_and_free_again_after_a_delete(house: House) -> None:
    made = house.create("ana", ONE.format(name="one_name"))
    with pytest.raises(Conflict) as taken:
        house.create("eva", ONE.format(name="one_name"))
    assert taken.value.code == "name_taken"
    house.pipelines.delete(house["ana"], made.id)
    again = house.create("eva", ONE.format(name="one_name"))
    with pytest.raises(Conflict):
        house.pipelines.restore(house["ana"], made.id)
    house.pipelines.delete(house["eva"], again.id)
    assert house.pipelines.restore(house["ana"], made.id).deleted_at is None


def test_versions_show_their_changes_and_can_be_restored(house: House) -> None:
    made = house.create("ana", ONE.format(name="v"), {"a.sql": b"1"})
    text = ONE.format(name="v").replace("select 1", "select 2")
    second = house.pipelines.save(
        house["ana"],
        made.id,
        save(text, {"a.sql": b"2", "b.sql": b"3"}, note="Two", version=made.version),
    )
    assert second.head == second.approved == 2
    newest, oldest = house.pipelines.versions(house["ana"], made.id)
    assert (newest.number, newest.note, newest.author) == (2, "Two", "ana")
    assert "select 2" in newest.diff
    assert "changed: a.sql" in newest.diff
    assert "added: b.sql" in newest.diff
    assert "added: a.sql" in oldest.diff
    assert house.run("ana", "v").tasks[0].outputs["n"] == 2
    third = house.pipelines.restore_version(house["ana"], made.id, 1)
    assert third.head == 3
    assert house.run("ana", "v").tasks[0].outputs["n"] == 1
    assert set(house.pipelines.version(house["ana"], made.id, 3).files) == {"a.sql"}
    with pytest.raises(NotFound):
        house.pipelines.version(house["ana"], made.id, 9)


def test_concurrent_edits_do_not_overwrite_each_other(house: House) -> None:
    made = house.create("ana", ONE.format(name="both"))
    house.pipelines.save(house["ana"], made.id, save(ONE.format(name="both"), version=made.version))
    with pytest.raises(Conflict) as late:
        house.pipelines.save(
            house["ana"], made.id, save(ONE.format(name="both"), version=made.version)
        )
    assert late.value.code == "changed_meanwhile"


def test_another_editors_change_waits_for_the_owners_approval(house: House) -> None:
    made = house.create("ana", ONE.format(name="shared"))
    house.share("ana", made.id, "ben", "edit")
    changed = house.pipelines.save(
        house["ben"], made.id, save(ONE.format(name="shared").replace("select 1", "select 7"))
    )
    assert (changed.head, changed.approved) == (2, 1)
    assert house.run("ben", "shared").tasks[0].outputs["n"] == 1
    with pytest.raises(Forbidden):
        house.pipelines.approve(house["ben"], made.id, 2)
    with pytest.raises(Conflict) as old:
        house.pipelines.approve(house["ana"], made.id, 1)
    assert old.value.code == "not_newest"
    assert house.pipelines.approve(house["ana"], made.id, 2).approved == 2
    assert house.run("ben", "shared").tasks[0].outputs["n"] == 7
    with pytest.raises(Conflict):
        house.pipelines.approve(house["ana"], made.id, 2)


def test_a_run_has_its_owners_rights_and_no_one_elses(house: House) -> None:
    """ben may not write to the warehouse; eva may, and so does her pipeline when he starts it."""
    write = ONE.replace("select 1 as n", "create table {name} as select 1 as n")
    with pytest.raises(InvalidInput) as refused:
        house.create("ben", ONE.format(name="his").replace("warehouse", "none_such"))
    assert refused.value.details["problems"][0]["code"] == "connection"
    with pytest.raises(InvalidInput) as refused:
        house.create("ben", write.format(name="by_ben"))
    assert refused.value.details["problems"][0]["code"] == "statement"
    connections, warehouse = house.get(ConnectionService).sharing, house.get(ConnectionService)
    shared = warehouse.find(house["ana"], "warehouse").id
    for level, ending in (("write", "succeeded"), ("use", "level_missing")):
        share = ShareRequest.model_validate({"kind": "user", "name": "ben", "level": level})
        connections.share(house["ana"], shared, share)
        if level == "write":
            house.create("ben", write.format(name="by_ben"))
        run = house.run("ben", "by_ben")
        assert (run.code or run.state) == ending
    theirs = house.create("eva", write.format(name="by_eva"))
    house.share("eva", theirs.id, "ben", "run")
    run = house.run("ben", theirs.name)
    assert run.state == "succeeded", run.message
    assert (run.run_as, run.triggered_by) == ("user:eva", "ben")


def test_a_restored_version_is_checked_with_its_sql_files(house: House) -> None:
    """ben may write to the warehouse when he saves the version, and not any more when he restores it."""
    text = ONE.format(name="kept_file").replace("'select 1 as n'", "{file: a.sql}")
    shared = house.get(ConnectionService).find(house["ana"], "warehouse").id
    for level in ("write", "use"):
        share = ShareRequest.model_validate({"kind": "user", "name": "ben", "level": level})
        house.get(ConnectionService).sharing.share(house["ana"], shared, share)
        if level == "write":
            made = house.create("ben", text, {"a.sql": b"create table kept_file as select 1 as n"})
            house.pipelines.save(house["ben"], made.id, save(text, {"a.sql": b"select 1 as n"}))
    with pytest.raises(InvalidInput) as refused:
        house.pipelines.restore_version(house["ben"], made.id, 1)
    assert refused.value.details["problems"][0]["code"] == "statement"


def test_a_lost_right_fails_the_next_run(house: House) -> None:
    made = house.create("ben", ONE.format(name="later"))
    assert house.run("ben", "later").state == "succeeded"
    house.staff.groups_of["ben"] = frozenset()
    assert house.run("root", made.name).code == "owner_role_missing"
    del house.staff.groups_of["ben"]
    run = house.run("root", made.name)
    assert (run.state, run.code) == ("failed", "owner_gone")
    assert len(run.tasks[0].attempts) == 1


def test_a_team_account_runs_with_the_teams_rights(house: House) -> None:
    text = ONE.format(name="team_work") + "run_as: team:finance\n"
    with pytest.raises(InvalidInput) as refused:
        house.create("ana", text)
    assert {p["code"] for p in refused.value.details["problems"]} >= {"run_as"}
    # eva's own right to use the connection doesn't help a run that isn't hers.
    with pytest.raises(InvalidInput) as refused:
        house.create("eva", text)
    assert [p["code"] for p in refused.value.details["problems"]] == ["connection"]
    connections, ana = house.get(ConnectionService).sharing, house["ana"]
    warehouse = house.get(ConnectionService).find(ana, "warehouse").id
    finance = ShareRequest(kind="group", name="finance", level="use")
    connections.share(ana, warehouse, finance)
    made = house.create("eva", text)
    run = house.run("eva", made.name)
    assert (run.run_as, run.state) == ("team:finance", "succeeded")
    connections.unshare(ana, warehouse, "group", "finance")
    run = house.run("eva", made.name)
    assert (run.run_as, run.code) == ("team:finance", "unknown_connection")


def test_a_team_account_cannot_run_notebooks(house: House) -> None:
    text = "name: drawn\nrun_as: team:finance\ntasks:\n  a: {type: notebook, notebook: a.ipynb}\n"
    with pytest.raises(InvalidInput) as refused:
        house.create("eva", text, {"a.ipynb": b"{}"})
    (problem,) = refused.value.details["problems"]
    assert (problem["code"], problem["line"], problem["column"]) == ("run_as", 4, 13)
    assert "user's server" in problem["message"]


STATEMENTS = [
    ("ana", "selct 1", "The SQL can't be read, near"),
    ("ana", "select pg_sleep(1)", "The function pg_sleep isn't on the list"),
    ("ana", "select pg_sleep({{ run.id }})", "The function pg_sleep isn't on the list"),
    ("ana", "select 1; select 2", None),
    ("ben", "select 1; select 2", "the level “write”"),
    ("ana", "select 1; begin", "Statement 2, line 1"),
    ("ana", "insert into t values (1)", None),
    ("ben", "insert into t values (1)", "the level “write”"),
    ("ben", "select {{ run.date }} as day, x from t where x in {{ params.several }}", None),
]


@pytest.mark.parametrize(
    ("who", "sql", "message"), STATEMENTS, ids=[sql for _, sql, _ in STATEMENTS]
)
def test_a_statement_is_checked_before_it_runs(
    house: House, who: str, sql: str, message: str | None
) -> None:
    text = (
        "name: checked\nparameters:\n  several: {type: list, default: [1]}\n"
        f"tasks:\n  a:\n    type: sql\n    connection: warehouse\n    statement: {sql!r}\n"
    )
    problems = house.pipelines.check(house[who], PipelineCheck(text=text)).problems
    found = [problem for problem in problems if problem.code == "statement"]
    assert [problem.line for problem in found] == ([] if message is None else [8])
    assert all((message or "") in problem.message for problem in found)


def test_a_statement_that_changes_data_cannot_fill_an_artifact(house: House) -> None:
    text = ONE.format(name="message").replace(
        "select 1 as n'", "delete from t', into: {artifact: t}"
    )
    with pytest.raises(InvalidInput, match="changes data"):
        house.create("ana", text)


def test_a_viewers_check_uses_their_own_rights(house: House) -> None:
    made = house.create("eva", ONE.format(name="hers"))
    house.share("eva", made.id, "cem", "view")
    asked = PipelineCheck(text=ONE.format(name="hers"), pipeline_id=made.id)
    assert house.pipelines.check(house["eva"], asked).ok
    (problem,) = house.pipelines.check(house["cem"], asked).problems
    assert problem.code == "connection"


@pytest.mark.parametrize(
    ("level", "may"),
    [
        (None, set()),
        ("view", {"see"}),
        ("run", {"see", "run"}),
        ("edit", {"see", "run", "save"}),
        ("manage", {"see", "run", "save", "delete"}),
    ],
)
def test_what_each_level_allows(house: House, level: str | None, may: set[str]) -> None:
    made = house.create("ana", ONE.format(name="levels"))
    if level:
        house.share("ana", made.id, "ben", level)
    ben = house["ben"]
    tries = {
        "see": lambda: house.pipelines.get(ben, made.id),
        "run": lambda: house.runs.trigger(ben, house.pipelines.saved(ben, made.id), RunRequest()),
        "save": lambda: house.pipelines.save(ben, made.id, save(ONE.format(name="levels"))),
        "delete": lambda: house.pipelines.delete(ben, made.id),
    }
    done = set()
    for name, attempt in tries.items():
        try:
            attempt()
            done.add(name)
        except (NotFound, Forbidden):
            pass
    assert done == may


def test_runs_are_visible_to_those_who_see_the_pipeline(house: House) -> None:
    made = house.create("ana", ONE.format(name="private"))
    run = house.run("ana", "private")
    ben = house["ben"]
    assert house.runs.list(ben, house.pipelines.names(ben), RunQuery()).items == []
    for ask in (
        lambda: house.runs.get(ben, run.id),
        lambda: house.runs.log(ben, run.tasks[0].attempts[0].id, 0),
        lambda: house.runs.cancel(ben, run.id),
        lambda: house.runs.rerun(ben, run.id, RerunRequest()),
        lambda: house.runs.artifact(ben, run.id, "one", "x"),
    ):
        with pytest.raises(NotFound):
            ask()
    house.share("ana", made.id, "cem", "view")
    cem = house["cem"]
    page = house.runs.list(cem, house.pipelines.names(cem), RunQuery(pipeline="private"))
    assert [item.id for item in page.items] == [run.id]
    assert house.runs.get(cem, run.id).actions == []
    with pytest.raises(Forbidden):
        house.runs.rerun(cem, run.id, RerunRequest())
    everything = house.runs.list(house["root"], house.pipelines.names(house["root"]), RunQuery())
    assert [item.id for item in everything.items] == [run.id]


def test_pages_of_runs_have_no_gaps_or_overlaps(house: House) -> None:
    house.create("ana", ONE.format(name="many"))
    wanted = [house.run("ana", "many").id for _ in range(5)][::-1]
    visible = house.pipelines.names(house["ana"])
    found: list[str] = []
    cursor = None
    while True:
        page = house.runs.list(house["ana"], visible, RunQuery(limit=2, cursor=cursor))
        found += [item.id for item in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert found == wanted
    assert house.runs.list(house["ana"], visible, RunQuery(state="failed")).items == []


def test_a_rerun_reuses_what_succeeded(house: House) -> None:
    text = (
        "name: again\nparameters: {limit: {type: integer, default: 0}}\ntasks:\n"
        "  first: {type: sql, connection: warehouse, statement: 'select random() as r'}\n"
        "  second: {type: sql, needs: [first], connection: warehouse, "
        "statement: 'select 1 / {{ params.limit }} as q'}\n"
        "  third: {type: sql, needs: [second], connection: warehouse, statement: 'select 1'}\n"
    )
    house.create("ana", text)
    run = house.run("ana", "again")
    assert run.state == "failed"
    assert [task.state for task in run.tasks] == ["succeeded", "failed", "skipped"]

    def rerun(**request: str) -> object:
        from support.wait import wait_for

        from wb_server.pipelines.runs.models import ENDED

        again = house.runs.rerun(house["ana"], run.id, RerunRequest.model_validate(request))
        wait_for(lambda: house.runs.get(house["ana"], again.id).state in ENDED)
        return house.runs.get(house["ana"], again.id)

    failed = rerun(what="failed")
    assert failed.rerun_of == run.id  # type: ignore[attr-defined]
    assert failed.tasks[0].outputs == run.tasks[0].outputs  # type: ignore[attr-defined]
    assert failed.tasks[0].attempts == []  # type: ignore[attr-defined]
    whole = rerun(what="all")
    assert whole.tasks[0].outputs != run.tasks[0].outputs  # type: ignore[attr-defined]
    one = rerun(what="task", task="first")
    assert [task.state for task in one.tasks] == ["succeeded", "skipped", "skipped"]  # type: ignore[attr-defined]
    with pytest.raises(Conflict) as needs:
        rerun(what="task", task="third")
    assert needs.value.code == "needed_failed"
    with pytest.raises(NotFound):
        rerun(what="task", task="fourth")


def test_parameters_are_checked(house: House) -> None:
    house.create(
        "ana",
        ONE.format(name="params").replace("select 1 as n", "select {{ params.n }} as n")
        + "parameters: {n: {type: integer}}\n",
    )
    assert house.run("ana", "params", n=5).tasks[0].outputs["n"] == 5
    for given in ({}, {"n": "five"}, {"n": 1, "other": 2}):
        with pytest.raises(InvalidInput) as refused:
            house.run("ana", "params", **given)
        assert refused.value.code == "bad_parameters"
    form = house.pipelines.form(house["ana"], "params")
    assert form["required"] == ["n"]


def test_a_value_is_never_part_of_the_statements_text(house: House) -> None:
    house.create(
        "ana",
        ONE.format(name="quoted").replace("select 1 as n", "select {{ params.word }} as n")
        + "parameters: {word: {type: text}}\n",
    )
    word = "x'; drop table orders; --"
    assert house.run("ana", "quoted", word=word).tasks[0].outputs["n"] == word


def test_a_schedule_is_paused_and_resumed(house: House) -> None:
    made = house.create("ana", ONE.format(name="timed") + "schedule: {cron: '@hourly'}\n")
    assert made.next_fire_at is not None
    paused = house.pipelines.patch(house["ana"], made.id, PipelinePatch(paused=True))
    assert (paused.paused, paused.next_fire_at) == (True, None)
    going = house.pipelines.patch(house["ana"], made.id, PipelinePatch(paused=False))
    assert going.next_fire_at == made.next_fire_at


def test_a_deleted_pipeline_is_hidden_and_can_be_restored(house: House) -> None:
    made = house.create("ana", ONE.format(name="gone") + "schedule: {cron: '@hourly'}\n")
    house.pipelines.delete(house["ana"], made.id)
    with pytest.raises(NotFound):
        house.pipelines.get(house["ana"], made.id)
    assert [p.name for p in house.pipelines.list(house["ana"], deleted=True)] == ["gone"]
    back = house.pipelines.restore(house["ana"], made.id)
    assert back.next_fire_at is not None
    with pytest.raises(Conflict):
        house.pipelines.restore(house["ana"], made.id)


def test_a_transferred_pipeline_runs_with_the_new_owners_rights(house: House) -> None:
    made = house.create("ana", ONE.format(name="moved"))
    house.pipelines.transfer(house["root"], made.id, OwnerRequest(kind="user", name="ben"))
    house.pipelines.approve(house["ben"], made.id, 1)
    assert house.run("ben", "moved").run_as == "user:ben"
    with pytest.raises(NotFound):
        house.pipelines.get(house["ana"], made.id)


@pytest.mark.parametrize("path", ["../x", "a/../b", "a//b", "./a", "/etc/passwd", "a\\b", ""])
def test_paths_outside_of_the_folder_are_refused(house: House, path: str) -> None:
    with pytest.raises((InvalidInput, ValueError)):
        house.create("ana", ONE.format(name="paths"), {path: b"x"})
    assert house.pipelines.list(house["ana"]) == []


def test_the_size_of_a_folder_is_limited(house: House) -> None:
    with pytest.raises(TooLarge) as refused:
        house.create("ana", ONE.format(name="large"), {"data.csv": b"x" * (MAX_SNAPSHOT + 1)})
    assert refused.value.code == "snapshot_too_large"
