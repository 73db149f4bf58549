"""Connections over HTTP. What a host itself does is tested embedded, on the service and on the gateway."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from support.api import Api, every_host, read
from support.postgres import Cluster
from support.wait import wait_for


@pytest.fixture(scope="module")
def shop(postgres: Cluster) -> Cluster:
    """The cluster with a table of orders and one that only the test writes to."""
    with postgres.connect() as connection:
        connection.execute("create schema if not exists handlers")
        connection.execute("drop table if exists handlers.orders, handlers.notes")
        connection.execute(
            "create table handlers.orders (id int primary key, amount numeric(12,2), day date)"
        )
        connection.execute(
            "insert into handlers.orders select i, i * 1.25, date '2024-01-01' + i % 300 "
            "from generate_series(1, 50000) i"
        )
        connection.execute("create table handlers.notes (id int primary key, words text)")
        connection.execute("comment on table handlers.orders is 'What was ordered'")
    return postgres


@pytest.fixture
def warehouse(api: Api, shop: Cluster) -> Iterator[dict[str, Any]]:
    """A saved connection to the cluster."""
    name = f"w_{uuid.uuid4().hex[:8]}"
    view = api.ok(
        "POST", "/connections", {"name": name, "connector": "postgres", "config": shop.config()}
    )
    yield view
    if api.call("GET", f"/connections/{view['id']}").status_code == 200:
        api.ok("DELETE", f"/connections/{view['id']}")


# --- connections -----------------------------------------------------------------------------


@every_host
def test_a_connection_is_created_read_updated_deleted_and_restored(
    api: Api, warehouse: dict[str, Any], shop: Cluster
) -> None:
    path = f"/connections/{warehouse['id']}"
    assert warehouse["secrets_set"] == ["password"]
    assert "password" not in warehouse["config"]
    assert warehouse["level"] == "manage"
    assert api.ok("GET", path) == warehouse
    listed = api.ok("GET", "/connections", search=warehouse["name"])["items"]
    assert [item["id"] for item in listed] == [warehouse["id"]]
    changed = api.ok("PATCH", path, {"description": "The shop's own"})
    assert changed["description"] == "The shop's own"
    assert changed["version"] == warehouse["version"] + 1
    assert api.ok("DELETE", path)["deleted_at"]
    api.refused(404, "GET", path)
    assert api.ok("GET", "/connections", search=warehouse["name"])["items"] == []
    deleted = api.ok("GET", "/connections", search=warehouse["name"], deleted="true")["items"]
    assert [item["id"] for item in deleted] == [warehouse["id"]]
    assert api.ok("POST", f"{path}/restore")["deleted_at"] is None
    assert api.query(warehouse["name"], "select 1 as one")[0].to_pylist() == [{"one": 1}]


def test_an_update_without_the_secret_keeps_it(
    api: Api, warehouse: dict[str, Any], shop: Cluster
) -> None:
    path = f"/connections/{warehouse['id']}"
    config = shop.config(driver_options={"application_name": "changed"})
    del config["password"]
    assert api.ok("PATCH", path, {"config": config})["secrets_set"] == ["password"]
    assert api.ok("POST", f"{path}/test")["ok"] is True


def test_a_stored_secret_is_not_sent_to_another_host(
    api: Api, warehouse: dict[str, Any], shop: Cluster
) -> None:
    config = shop.config(host="localhost")
    del config["password"]
    error = api.refused(400, "PATCH", f"/connections/{warehouse['id']}", {"config": config})
    assert error["code"] == "secret_needed"
    body = {"connector": "postgres", "config": config, "connection_id": warehouse["id"]}
    assert api.refused(400, "POST", "/connections/test", body)["code"] == "secret_needed"


def test_a_failed_test_is_reported_in_the_response(api: Api, shop: Cluster) -> None:
    body = {"connector": "postgres", "config": shop.config()}
    good = api.ok("POST", "/connections/test", body)
    assert good["ok"] and good["server_version"].startswith("PostgreSQL")
    wrong = api.ok("POST", "/connections/test", {**body, "config": shop.config(password="wrong")})
    assert (wrong["ok"], wrong["code"]) == (False, "sign_in_failed")
    closed = api.ok("POST", "/connections/test", {**body, "config": shop.config(port=1)})
    assert (closed["ok"], closed["code"]) == (False, "unreachable")


def test_testing_a_saved_connection_updates_its_state(
    api: Api, warehouse: dict[str, Any], shop: Cluster
) -> None:
    path = f"/connections/{warehouse['id']}"
    assert api.ok("GET", path)["state"]["status"] == "untested"
    api.ok("POST", f"{path}/test")
    assert api.ok("GET", path)["state"]["status"] == "ok"
    api.ok("PATCH", path, {"config": shop.config(password="wrong")})
    assert api.ok("POST", f"{path}/test")["ok"] is False
    state = api.ok("GET", path)["state"]
    assert state["status"] == "failed" and state["message"] and state["checked_at"]


def test_the_state_follows_queries_and_browsing(
    api: Api, warehouse: dict[str, Any], shop: Cluster
) -> None:
    path, name = f"/connections/{warehouse['id']}", warehouse["name"]

    def state() -> str:
        return str(api.ok("GET", path)["state"]["status"])

    def ask(sql: str) -> int:
        return api.call("POST", "/query", {"connection": name, "sql": sql}).status_code

    assert (ask("select * from no_such_table"), state()) == (400, "untested")
    assert (ask("select 1"), state()) == (200, "ok")
    api.ok("PATCH", path, {"config": shop.config(database="no_such_database")})
    assert api.call("GET", f"{path}/schemas").status_code >= 400
    assert state() == "failed"
    api.ok("PATCH", path, {"config": shop.config(password="wrong")})
    assert (ask("select 1"), state()) == (502, "failed")
    api.ok("PATCH", path, {"config": shop.config()})
    api.ok("GET", f"{path}/schemas")
    assert state() == "ok"


def test_the_catalog_lists_schemas_tables_and_columns(api: Api, warehouse: dict[str, Any]) -> None:
    path = f"/connections/{warehouse['id']}"
    schemas = [item["name"] for item in api.ok("GET", f"{path}/schemas")["items"]]
    assert "handlers" in schemas and "pg_catalog" not in schemas
    tables = api.ok("GET", f"{path}/tables", schema="handlers")["items"]
    assert {"schema": "handlers", "name": "orders", "kind": "table",
            "comment": "What was ordered"} in tables  # fmt: skip
    columns = api.ok("GET", f"{path}/columns", schema="handlers", table="orders")["items"]
    assert [(column["name"], column["type"]) for column in columns] == [
        ("id", "integer"), ("amount", "numeric(12,2)"), ("day", "date"),
    ]  # fmt: skip
    api.refused(404, "GET", f"{path}/columns", schema="handlers", table="nothing")


def test_a_table_is_looked_at(api: Api, warehouse: dict[str, Any], shop: Cluster) -> None:
    with shop.connect() as connection:
        connection.execute(
            "create table handlers.looked (id int primary key, \"Odd Name\" text default 'x', "
            "amount numeric(12,2) check (amount > 0), order_id int references handlers.orders(id)); "
            "create index on handlers.looked (amount); "
            "create view handlers.looked_view as select id from handlers.looked; "
            "insert into handlers.looked select n, null, 1.50, null from generate_series(1, 120) n"
        )
    path = f"/connections/{warehouse['id']}"
    table = {"schema": "handlers", "table": "looked"}
    try:
        assert api.ok("GET", f"{path}/count", **table) == {"rows": 120}
        shown = api.ok("GET", f"{path}/rows", **table)
        assert [column["name"] for column in shown["columns"]][:2] == ["id", "Odd Name"]
        assert shown["rows"][0] == ["1", None, "1.50", None]
        assert (len(shown["rows"]), shown["more"]) == (100, True)
        found = api.ok("GET", f"{path}/search", text="odd n")["items"]
        assert [(it["schema"], it["table"], it["column"]) for it in found] == [
            ("handlers", "looked", "Odd Name")
        ]
        definition = api.ok("GET", f"{path}/definition", **table)
        keys = [key["definition"] for key in definition["keys"]]
        assert "PRIMARY KEY (id)" in keys
        assert "FOREIGN KEY (order_id) REFERENCES handlers.orders(id)" in keys
        assert any(key.startswith("CREATE INDEX") for key in keys)
        # The definition is SQL that makes such a table.
        with shop.connect() as connection:
            connection.execute("drop table handlers.looked cascade")
            connection.execute(definition["ddl"])
            connection.execute("create view handlers.looked_view as select id from handlers.looked")
        assert api.ok("GET", f"{path}/definition", **table) == definition
        view = {"schema": "handlers", "table": "looked_view"}
        assert api.ok("GET", f"{path}/definition", **view) == {"keys": [], "ddl": None}
        # Through the gate, as the reader's own queries.
        log = api.ok("GET", "/audit/mine", action="query.read")["items"]
        assert any("count(*)" in (row["statement"] or "") for row in log)
    finally:
        with shop.connect() as connection:
            connection.execute("drop table handlers.looked cascade")


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"connector": "oracle"}, 400, "unknown_connector", "connector"),
        ({"name": "Not A Name"}, 400, "invalid_field", "name"),
        ({"nmae": "x"}, 400, "unknown_field", "nmae"),
        ({"config.port": "many"}, 400, "invalid_field", "config.port"),
        ({"config.hots": "x"}, 400, "unknown_field", "config.hots"),
        ({"config.host": None}, 400, "invalid_field", "config.host"),
        ({"config.driver_options": {"options": "-c x"}}, 400, "unknown_field", None),
        ({"config.host": "169.254.169.254"}, 422, "address_not_allowed", None),
        ({"config.host": "no-such-host.invalid"}, 502, "unknown_host", None),
    ],
)
def test_invalid_input_is_refused_and_saves_nothing(
    api: Api, shop: Cluster, change: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    name = f"bad_{uuid.uuid4().hex[:8]}"
    body: dict[str, Any] = {"name": name, "connector": "postgres", "config": shop.config()}
    for key, value in change.items():
        if key.startswith("config."):
            body["config"][key.removeprefix("config.")] = value
        else:
            body[key] = value
    error = api.refused(status, "POST", "/connections", body)
    assert error["code"] == code
    if field:
        assert error["details"]["field"] == field
    assert api.ok("GET", "/connections", search=name)["items"] == []


def test_a_taken_name_is_a_conflict_on_create_and_on_restore(
    api: Api, warehouse: dict[str, Any], shop: Cluster
) -> None:
    body = {"name": warehouse["name"], "connector": "postgres", "config": shop.config()}
    assert api.refused(409, "POST", "/connections", body)["code"] == "name_taken"
    api.ok("DELETE", f"/connections/{warehouse['id']}")
    other = api.ok("POST", "/connections", body)
    error = api.refused(409, "POST", f"/connections/{warehouse['id']}/restore")
    assert error["code"] == "name_taken"
    api.ok("DELETE", f"/connections/{other['id']}")


def test_names_that_mean_something_else_in_notebooks_are_refused(
    api: Api, warehouse: dict[str, Any], shop: Cluster
) -> None:
    for name, words in (
        ("local", "DuckDB in a user's own notebook"),
        ("select", "begins an SQL statement"),
        ("with", "begins an SQL statement"),
    ):
        body = {"name": name, "connector": "postgres", "config": shop.config()}
        error = api.refused(400, "POST", "/connections", body)
        assert error["code"] == "reserved_name" and words in error["message"]
        path = f"/connections/{warehouse['id']}"
        error = api.refused(400, "PATCH", path, {"name": name})
        assert error["code"] == "reserved_name" and error["details"]["field"] == "name"


def test_a_connection_that_was_called_local_before_keeps_working(
    api: Api, warehouse: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/connections/{warehouse['id']}"
    with monkeypatch.context() as earlier:
        earlier.setattr("wb_server.connections.service.why_reserved", lambda name: None)
        api.ok("PATCH", path, {"name": "local"})
    body = {"name": "local", "description": "Old"}
    assert api.ok("PATCH", path, body)["description"] == "Old"
    api.ok("DELETE", path)


@every_host
def test_invalid_and_oversized_bodies_are_refused(api: Api) -> None:
    url = f"{api.base}/api/v1/connections"
    answer = api.http.post(url, content=b"{not json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_json")
    answer = api.http.post(url, content=b"[1]")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_json")
    answer = api.http.post(url, content=b" " * (5 * 2**20))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


@every_host
def test_unknown_paths_ids_and_methods_are_refused(api: Api) -> None:
    assert api.refused(404, "GET", "/nothing/here")["code"] == "unknown_path"
    assert api.refused(404, "GET", f"/connections/{uuid.uuid4()}")["code"] == "unknown_id"
    assert api.refused(404, "DELETE", f"/query/{uuid.uuid4()}")["code"] == "unknown_id"
    assert api.refused(405, "DELETE", "/me")["code"] == "method_not_allowed"
    error = api.refused(404, "POST", "/query", {"connection": "nowhere", "sql": "select 1"})
    assert error["code"] == "unknown_connection"


def test_an_unknown_connection_suggests_similar_names(api: Api, warehouse: dict[str, Any]) -> None:
    name = warehouse["name"]
    wrong = name[:-1] + ("x" if name[-1] != "x" else "y")
    error = api.refused(404, "POST", "/query", {"connection": wrong, "sql": "select 1"})
    assert name in error["details"]["near"] and name in error["message"]


@pytest.mark.parametrize(
    ("sql", "status", "code", "word"),
    [
        ("select * from handlers.oders", 400, "unknown_table", "orders"),
        ("select amont from handlers.orders", 400, "unknown_column", "amount"),
        ("select from where", 400, "syntax_error", "line 1"),
        ("select 1; select 2", 400, "one_statement", "one"),
        ("", 400, "empty_statement", ""),
        ("select pg_read_file('/etc/passwd')", 403, "function_not_allowed", "pg_read_file"),
        ("select * from pg_authid", 403, "system_table_not_allowed", "pg_authid"),
        ("copy handlers.orders to '/tmp/x'", 403, "statement_not_allowed", ""),
        ("select id / 0 from handlers.orders", 400, "bad_value", "zero"),
        ("select :missing", 400, "parameter_missing", "missing"),
    ],
)
def test_a_bad_statement_is_refused_with_the_reason(
    api: Api, warehouse: dict[str, Any], sql: str, status: int, code: str, word: str
) -> None:
    body = {"connection": warehouse["name"], "sql": sql}
    answer = api.call("POST", "/query", body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code), error
    assert word in error["message"]


# --- queries ---------------------------------------------------------------------------------


@every_host
def test_rows_carry_their_types_and_provenance(api: Api, warehouse: dict[str, Any]) -> None:
    table, end = api.query(
        warehouse["name"], "select id, amount, day from handlers.orders order by id limit 3"
    )
    assert table.schema.types == [pa.int32(), pa.decimal128(12, 2), pa.date32()]
    assert table["amount"].to_pylist() == [Decimal("1.25"), Decimal("2.50"), Decimal("3.75")]
    assert (end["rows"], end["truncated"]) == (3, False)
    metadata = json.loads(table.schema.metadata[b"workbench"])
    assert metadata["connection"] == warehouse["name"] and metadata["kind"] == "read"
    assert metadata["query_id"]


def test_parameters_are_only_ever_values(api: Api, warehouse: dict[str, Any]) -> None:
    table, _ = api.query(
        warehouse["name"],
        "select count(*) as n, :text as text from handlers.orders "
        "where amount > :least and day in (:days)",
        params={
            "least": {"type": "decimal", "value": "100.50"},
            "days": [{"type": "date", "value": "2024-01-02"}],
            "text": "it's; drop table handlers.orders --",
        },
    )
    (row,) = table.to_pylist()
    assert row["text"] == "it's; drop table handlers.orders --" and row["n"] > 0


def test_a_sum_in_arrow_equals_the_sum_in_sql(api: Api, warehouse: dict[str, Any]) -> None:
    table, _ = api.query(warehouse["name"], "select amount from handlers.orders")
    total, _ = api.query(warehouse["name"], "select sum(amount) as s from handlers.orders")
    assert sum(table["amount"].to_pylist()) == total["s"][0].as_py()


def test_a_row_limit_truncates_and_reports_it(api: Api, warehouse: dict[str, Any]) -> None:
    everything = "select id from handlers.orders"
    table, end = api.query(warehouse["name"], everything, row_limit=10)
    assert (table.num_rows, end["rows"], end["truncated"]) == (10, 10, True)
    table, end = api.query(warehouse["name"], f"{everything} limit 10", row_limit=10)
    assert (table.num_rows, end["truncated"]) == (10, False)
    table, end = api.query(warehouse["name"], everything, row_limit=0)
    assert (table.num_rows, end["truncated"]) == (0, True)


def test_an_empty_result_keeps_its_columns(api: Api, warehouse: dict[str, Any]) -> None:
    table, end = api.query(warehouse["name"], "select id, amount from handlers.orders where false")
    assert table.column_names == ["id", "amount"] and end["rows"] == 0


@every_host
def test_a_write_is_committed_before_its_answer(
    api: Api, warehouse: dict[str, Any], shop: Cluster
) -> None:
    with shop.connect() as connection:
        connection.execute("truncate handlers.notes")
    table, _ = api.query(warehouse["name"], "insert into handlers.notes values (1, 'a'), (2, 'b')")
    assert table.to_pylist() == [{"rows_affected": 2}]
    table, _ = api.query(
        warehouse["name"], "delete from handlers.notes where id = 1 returning words"
    )
    assert table.to_pylist() == [{"words": "a"}]
    with shop.connect() as connection:
        row = connection.execute("select count(*) from handlers.notes").fetchone()
    assert row == (1,)


# A slow statement without functions that the gate refuses.
LONG = "select count(*) as {mark} from generate_series(1, 100000) a, generate_series(1, 1000000) b"


@every_host
def test_cancelling_by_id_stops_the_query_in_the_database(
    api: Api, warehouse: dict[str, Any], shop: Cluster
) -> None:
    query_id, mark = str(uuid.uuid4()), f"m_{uuid.uuid4().hex[:8]}"
    answers: list[Any] = []
    body = {"connection": warehouse["name"], "sql": LONG.format(mark=mark), "query_id": query_id}
    thread = threading.Thread(target=lambda: answers.append(api.call("POST", "/query", body)))
    thread.start()
    wait_for(lambda: shop.active(mark) == 1)
    api.ok("DELETE", f"/query/{query_id}")
    thread.join(20)
    assert answers[0].json()["error"]["code"] == "cancelled"
    wait_for(lambda: shop.active(mark) == 0)


@every_host
def test_a_client_that_disconnects_cancels_its_query(
    api: Api, warehouse: dict[str, Any], shop: Cluster
) -> None:
    mark = f"m_{uuid.uuid4().hex[:8]}"
    other = Api(api.base, None)
    other.http.headers.update(api.http.headers)
    other.http.timeout = 1.5
    body = {"connection": warehouse["name"], "sql": LONG.format(mark=mark)}
    with pytest.raises(Exception, match="timed out"):
        other.call("POST", "/query", body)
    other.close()
    wait_for(lambda: shop.active(mark) == 0)
    wait_for(
        lambda: (
            api.ok("GET", "/audit/mine", search=mark, event="finished")["items"]
            or api.ok("GET", "/audit/mine", outcome="hung_up")["items"]
        )
    )


def test_a_query_id_in_use_is_a_conflict(
    api: Api, warehouse: dict[str, Any], shop: Cluster
) -> None:
    query_id, mark = str(uuid.uuid4()), f"m_{uuid.uuid4().hex[:8]}"
    body = {"connection": warehouse["name"], "sql": LONG.format(mark=mark), "query_id": query_id}
    thread = threading.Thread(target=lambda: api.call("POST", "/query", body))
    thread.start()
    wait_for(lambda: shop.active(mark) == 1)
    error = api.refused(409, "POST", "/query", {**body, "sql": "select 1"})
    assert error["code"] == "query_id_taken"
    api.ok("DELETE", f"/query/{query_id}")
    thread.join(20)


@every_host
def test_an_error_mid_stream_is_in_the_closing_batch(api: Api, warehouse: dict[str, Any]) -> None:
    sql = "select id, repeat('x', 500) as text, 1 / (id - 49000) as late from handlers.orders"
    answer = api.call("POST", "/query", {"connection": warehouse["name"], "sql": sql})
    assert answer.status_code == 200
    table, end = read(answer.content)
    assert 0 < table.num_rows < 49000
    assert end["error"]["code"] == "bad_value"


# --- audit -----------------------------------------------------------------------------------


@every_host
def test_every_access_and_refusal_is_in_the_audit_log(api: Api, warehouse: dict[str, Any]) -> None:
    mark = f"m_{uuid.uuid4().hex[:8]}"
    _, end = api.query(warehouse["name"], f"select id as {mark} from handlers.orders limit 7")
    assert end["rows"] == 7
    api.call("POST", "/query", {"connection": warehouse["name"],
                                "sql": f"select pg_read_file('{mark}')"})  # fmt: skip
    refused, started = api.ok("GET", "/audit/mine", search=mark)["items"]
    assert (started["event"], started["action"]) == ("started", "query.read")
    assert started["target"] == warehouse["name"] and started["address"]
    assert (refused["event"], refused["code"]) == ("refused", "function_not_allowed")
    rows = api.ok("GET", "/audit/mine", event="finished", action="query.read")["items"]
    finished = next(row for row in rows if row["record"] == started["record"])
    assert (finished["rows"], finished["outcome"]) == (7, "ok") and finished["bytes"] > 0
    created = api.ok("GET", "/audit/mine", action="connection.create", event="finished")["items"]
    assert warehouse["name"] in [row["target"] for row in created]


@every_host
def test_event_streams_report_changes(api: Api, warehouse: dict[str, Any]) -> None:
    url = f"{api.base}/api/v1/events"
    with api.http.stream("GET", url, params={"topics": "connections,me"}) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        other = Api(api.base, None)
        other.http.headers.update(api.http.headers)
        other.ok("PATCH", f"/connections/{warehouse['id']}", {"description": "changed"})
        other.close()
        assert any(line == "event: connections" for line in lines)


def test_an_unknown_topic_is_refused(api: Api) -> None:
    assert api.refused(400, "GET", "/events", topics="weather")["code"] == "unknown_topic"
