"""Files that users upload become rows of PostgreSQL's and MariaDB's tables, exactly, or nothing does."""

from __future__ import annotations

import datetime as dt
import io
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML
from support.api import Api
from support.house import House, house_at
from support.in_process import served
from support.mariadb import MariaDB
from support.odd_files import CASES, Case, workbook
from support.postgres import Cluster
from support.wait import wait_for

from wb_server.connections.models import ConnectionCreate
from wb_server.connections.service import ConnectionService
from wb_server.kit import clock
from wb_server.queries.uploads import store
from wb_server.queries.uploads.store import UploadStore

pytestmark = pytest.mark.slow

# One of each kind of file and of refusal: the reading itself is that of a files connection.
ODD = (
    "utf16_le.csv", "windows.csv", "windows_unsaid.csv", "windows_gz.csv.gz", "ragged.csv", "nul.csv",
    "title.csv", "two_lines.csv", "german.csv", "clock.csv", "nulls.csv", "typed.csv", "bad_type.csv",
    "marked.json", "half.json", "export.txt", "dates.xlsx", "merged.xlsx", "error.xlsx", "bomb.xlsx",
    "really_parquet.csv",
)  # fmt: skip


class Desk:
    """The API as several users, with a folder where uploads are kept."""

    def __init__(self, house: House, apis: dict[str, Api], folder: Path) -> None:
        self.house = house
        self.apis = apis
        self.folder = folder

    def send(self, name: str, content: bytes, to: str = "warehouse", who: str = "ana") -> str:
        """Uploads a file in two parts, and returns its id."""
        api = self.apis[who]
        body = {"connection": to, "name": name, "size": len(content)}
        made = api.ok("POST", "/uploads", body)
        half = len(content) // 2
        for offset, part in ((0, content[:half]), (half, content[half:])):
            answer = self.part(made["id"], offset, part, who)
            assert answer.status_code == 200, answer.text
        assert answer.json()["received"] == len(content)
        return str(made["id"])

    def part(self, upload: str, offset: int, content: bytes, who: str = "ana") -> Any:
        api = self.apis[who]
        return api.http.post(
            f"{api.base}/api/v1/uploads/{upload}/parts", content=content, params={"offset": offset}
        )

    def preview(self, upload: str, to: str = "warehouse", **more: Any) -> Any:
        return self.apis["ana"].ok("POST", f"/uploads/{upload}/preview", {"connection": to, **more})

    def body(self, table: str, *columns: str, **more: Any) -> dict[str, Any]:
        named = [{"column": it, "name": it} for it in columns]
        return {
            "connection": "warehouse",
            "table": table,
            "mode": "create",
            "columns": named,
            **more,
        }

    def load(self, upload: str, table: str, *columns: str, **more: Any) -> Any:
        body = self.body(table, *columns, **more)
        return self.apis["ana"].ok("POST", f"/uploads/{upload}/load", body)

    def share(self, who: str, level: str) -> None:
        """Gives a user a level on the warehouse."""
        found = self.apis["ana"].ok("GET", "/connections", search="warehouse")["items"][0]
        share = {"kind": "user", "name": who, "level": level}
        self.apis["ana"].ok("POST", f"/connections/{found['id']}/shares", share)


@pytest.fixture(scope="module")
def desk(
    tmp_path_factory: pytest.TempPathFactory, postgres: Cluster, mariadb: MariaDB
) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("uploads")
    with ExitStack() as stack:
        house = stack.enter_context(house_at(folder, postgres))
        host = stack.enter_context(served(house.workbench))
        apis = {}
        for name in ("ana", "ben", "cem"):
            apis[name] = stack.enter_context(closing(host.api(house[name])))
        connections: ConnectionService = house.get(ConnectionService)
        mart = ConnectionCreate(name="mart", connector="mysql", config=mariadb.config())
        connections.create(house["ana"], mart)
        it = Desk(house, apis, folder / "uploads")
        it.share("ben", "use")
        it.share("cem", "write")
        yield it


@pytest.fixture
def table(postgres: Cluster, mariadb: MariaDB) -> Iterator[str]:
    name = f"t_{uuid.uuid4().hex[:8]}"
    yield name
    with postgres.connect() as connection:
        connection.execute(f"drop table if exists {name}")
    mariadb.execute(f"drop table if exists {name}")


def in_postgres(postgres: Cluster, table: str) -> list[tuple[Any, ...]]:
    with postgres.connect() as connection:
        return list(connection.execute(f"select * from {table}").fetchall())


def in_mariadb(mariadb: MariaDB, table: str) -> list[tuple[Any, ...]]:
    with closing(mariadb.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"select * from {table}")
        return list(cursor.fetchall())


def options_of(case: Case) -> dict[str, Any]:
    said = YAML(typ="safe").load(case.options) if case.options else {}
    return {"header": "no", **said} if said.get("header") is False else dict(said)


@pytest.mark.parametrize("case", [it for it in CASES if it.name in ODD], ids=lambda it: it.name)
def test_an_odd_file_becomes_a_table_or_says_what_to_set(
    desk: Desk, postgres: Cluster, table: str, case: Case
) -> None:
    upload = desk.send(case.name, case.made())
    shown = desk.preview(upload, options=options_of(case))
    if case.rows is None:
        for part in case.says:
            assert part in shown["message"]
        assert (case.details or {}).items() <= shown["details"].items()
        assert shown["columns"] == []
        return
    assert shown["code"] is None, shown["message"]
    assert len(shown["rows"]) == len(case.rows)
    columns = [it["name"] for it in shown["columns"]]
    if case.name == "nul.csv":
        body = desk.body(table, *columns)
        refused = desk.apis["ana"].refused(400, "POST", f"/uploads/{upload}/load", body)
        assert refused["code"] == "bad_value"
        with postgres.connect() as connection:
            assert connection.execute("select to_regclass(%s)", [table]).fetchone() == (None,)
        return
    done = desk.load(upload, table, *columns, options=options_of(case))
    assert (done["rows"], done["schema"], done["table"]) == (len(case.rows), "public", table)
    found = in_postgres(postgres, table)
    assert found == list(case.rows)
    for row, wanted in zip(found, case.rows, strict=True):
        assert list(map(type, row)) == list(map(type, wanted))


BIG = 9_223_372_036_854_775_807
TYPED = (
    "big,whole,money,exact,day,at,moment,clock,flag,ratio,note\n"
    f'{BIG},1234567890123456789012345678,-0.10,0.12345678901234567890,2026-02-28,2026-02-28 10:00:00.123456,'
    '2026-02-28T10:00:00+02:00,23:59:59.5,true,1e-300,"it\'s ""so"", ä👍"\n'
    f"-{BIG},-1,19.99,99999.99999999999999999999,0999-01-01,1970-01-01 00:00:00,"
    "1999-12-31T23:30:00-05:00,00:00:00,false,0.1e0,\n"
)  # fmt: skip
VALUES = [
    (
        BIG, Decimal(1234567890123456789012345678), Decimal("-0.10"),
        Decimal("0.12345678901234567890"), dt.date(2026, 2, 28),
        dt.datetime(2026, 2, 28, 10, 0, 0, 123456), dt.datetime(2026, 2, 28, 8),
        dt.time(23, 59, 59, 500_000), True, 1e-300, "it's \"so\", ä👍",
    ),
    (
        -BIG, Decimal(-1), Decimal("19.99"), Decimal("99999.99999999999999999999"),
        dt.date(999, 1, 1), dt.datetime(1970, 1, 1), dt.datetime(2000, 1, 1, 4, 30), dt.time(),
        False, 0.1, None,
    ),
]  # fmt: skip


def test_values_arrive_as_the_file_has_them(
    desk: Desk, postgres: Cluster, mariadb: MariaDB, table: str
) -> None:
    upload = desk.send("Typed values.csv", TYPED.encode())
    shown = desk.preview(upload)
    columns = [it["name"] for it in shown["columns"]]
    assert [it["type"] for it in shown["columns"]] == [
        "bigint", "numeric(38,0)", "numeric(18,2)", "numeric(38,20)", "date", "timestamp",
        "timestamp with time zone", "time", "boolean", "double precision", "text",
    ]  # fmt: skip
    assert desk.load(upload, table, *columns)["rows"] == 2
    found = [
        tuple(it.astimezone(dt.UTC).replace(tzinfo=None) if getattr(it, "tzinfo", None) else it
              for it in row)
        for row in in_postgres(postgres, table)
    ]  # fmt: skip
    assert found == VALUES
    upload = desk.send("Typed values.csv", TYPED.encode(), "mart")
    types = [it["type"] for it in desk.preview(upload, "mart")["columns"]]
    assert types[1:6] == [
        "decimal(38,0)", "decimal(18,2)", "decimal(38,20)", "date", "datetime(6)"
    ]  # fmt: skip
    desk.load(upload, table, *columns, connection="mart")
    spans = [
        tuple((dt.datetime.min + it).time() if isinstance(it, dt.timedelta) else it for it in row)
        for row in in_mariadb(mariadb, table)
    ]
    assert spans == VALUES


def test_parquet_json_and_a_sheet(desk: Desk, postgres: Cluster, table: str) -> None:
    out = io.BytesIO()
    frame = pa.table({"id": pa.array([1, 2], pa.int16()), "m": [Decimal("1.10"), None]})
    pq.write_table(frame, out)
    upload = desk.send("p.parquet", out.getvalue())
    assert [it["type"] for it in desk.preview(upload)["columns"]] == ["smallint", "numeric(3,2)"]
    desk.load(upload, table, "id", "m")
    assert in_postgres(postgres, table) == [(1, Decimal("1.10")), (2, None)]
    lines = json.dumps([{"id": 3, "m": 2.25, "more": {"a": [1]}}])
    upload = desk.send("rows.json", lines.encode())
    assert [it["type"] for it in desk.preview(upload)["columns"]][2] == "jsonb"
    desk.load(upload, table, "id", "m", mode="append")
    book = workbook(("Plan 1", [["id", "m"], [4, 1.5]]), ("Actual", [["m", "id"], [9.25, 5]]))
    upload = desk.send("book.xlsx", book)
    shown = desk.preview(upload)
    assert (shown["sheets"], shown["sheet"], shown["rows"]) == (
        ["Plan 1", "Actual"], "Plan 1", [["4", "1.5"]],
    )  # fmt: skip
    assert desk.preview(upload, sheet="Actual")["rows"] == [["9.25", "5"]]
    # By name, not by place.
    desk.load(upload, table, "m", "id", mode="append", sheet="Actual")
    assert in_postgres(postgres, table)[2:] == [(3, Decimal("2.25")), (5, Decimal("9.25"))]


def test_names_types_and_what_is_left_out(desk: Desk, postgres: Cluster, table: str) -> None:
    text = "Order Date,2026,Zip,Zip,x\n2026-01-31,7,01067,a,1\n2026-02-01,8,80331,b,2\n"
    upload = desk.send("Umsätze [2026]*.csv", text.encode())
    shown = desk.preview(upload, options={"types": {"2026": "decimal(5, 2)"}})
    assert [it["suggested"] for it in shown["columns"]] == [
        "order_date", "c_2026", "zip", "zip_1", "x",
    ]  # fmt: skip
    assert shown["columns"][1]["type"] == "numeric(5,2)"
    columns = [
        {"column": "Order Date", "name": "order_date"},
        {"column": "2026", "name": "sum"},
        {"column": "Zip", "name": 'a "quoted" name'},
    ]
    desk.load(
        upload,
        table,
        columns=columns,
        options={"types": {"2026": "decimal(5, 2)"}},
        schema="public",
    )
    with postgres.connect() as connection:
        cursor = connection.execute(f"select * from {table}")
        assert [it.name for it in cursor.description or ()] == [
            "order_date", "sum", 'a "quoted" name',
        ]  # fmt: skip
        assert cursor.fetchall()[0] == (dt.date(2026, 1, 31), Decimal("7.00"), "01067")
    new = {"connection": "warehouse", "name": "Ärger 1.csv.gz", "size": 5}
    made = desk.apis["ana"].ok("POST", "/uploads", new)
    assert made["table"] == "ärger_1"
    assert set(made["options_schema"]["properties"]) >= {"encoding", "delimiter", "decimal"}
    new["name"] = "plan.ods"
    refused = desk.apis["ana"].refused(400, "POST", "/uploads", new)
    assert "save it as .xlsx" in refused["message"]


def test_append_and_replace_need_the_table_and_change_all_or_nothing(
    desk: Desk, postgres: Cluster, mariadb: MariaDB, table: str
) -> None:
    upload = desk.send("n.csv", b"id,name\n1,a\n2,b\n")
    late = desk.send("late.csv", b"id,name\n" + b"5,x\n" * 300_000 + b"oh,x\n")
    typed = {"types": {"id": "BIGINT"}}
    for to, rows in (
        ("warehouse", lambda: in_postgres(postgres, table)),
        ("mart", lambda: in_mariadb(mariadb, table)),
    ):
        api, more = desk.apis["ana"], {"connection": to}
        for mode in ("append", "replace"):
            body = desk.body(table, "id", "name", mode=mode, **more)
            refused = api.refused(400, "POST", f"/uploads/{upload}/load", body)
            assert refused["code"] == "unknown_table"
        desk.load(upload, table, "id", "name", **more)
        body = desk.body(table, "id", "name", **more)
        assert api.refused(409, "POST", f"/uploads/{upload}/load", body)["code"] == "table_exists"
        desk.load(upload, table, "id", mode="append", **more)
        assert rows() == [(1, "a"), (2, "b"), (1, None), (2, None)]
        # The types are looked for before anything is loaded; a value that doesn't fit says where.
        for mode in ("append", "replace"):
            body = desk.body(table, "id", "name", mode=mode, options=typed, **more)
            error = api.refused(400, "POST", f"/uploads/{late}/load", body)
            assert (error["details"]["line"], error["details"]["column"]) == (300_002, "id")
            assert error["details"]["value"] == "oh" and len(rows()) == 4
        columns = [{"column": "id", "name": "id"}, {"column": "name", "name": "nome"}]
        body = desk.body(table, mode="append", columns=columns, **more)
        assert api.refused(400, "POST", f"/uploads/{upload}/load", body)["code"] == "unknown_column"
        body["columns"] = [{"column": "name", "name": "id"}]
        error = api.refused(400, "POST", f"/uploads/{upload}/load", body)
        assert error["details"]["column"] == "id" and "Choose another type" in error["message"]
        desk.load(upload, table, "id", "name", mode="replace", **more)
        assert rows() == [(1, "a"), (2, "b")]


def test_who_may_load(desk: Desk, postgres: Cluster, table: str) -> None:
    upload = desk.send("n.csv", b"id\n1\n")
    body = desk.body(table, "id")
    new = {"connection": "warehouse", "name": "n.csv", "size": 5}
    # ben has the role but only the level `use`; cem has the level but only the role viewer.
    for who, code in (("ben", "level_missing"), ("cem", "role_missing")):
        assert desk.apis[who].refused(403, "POST", "/uploads", new)["code"] == code
    ben = desk.apis["ben"]
    for path, sent in (("preview", {"connection": "warehouse"}), ("load", body)):
        refused = ben.refused(404, "POST", f"/uploads/{upload}/{path}", sent)
        assert refused["code"] == "unknown_upload"
    assert desk.part(upload, 0, b"x", "ben").status_code == 404
    ben.ok("DELETE", f"/uploads/{upload}")
    assert desk.preview(upload)["rows"] == [["1"]]
    # The rights are those of the moment of each request.
    desk.share("ben", "write")
    own = desk.send("n.csv", b"id\n1\n", who="ben")
    desk.share("ben", "use")
    for path, sent in (("preview", {"connection": "warehouse"}), ("load", body)):
        assert ben.refused(403, "POST", f"/uploads/{own}/{path}", sent)["code"] == "level_missing"
    made = {"name": "crm", "connector": "http", "config": {"base_url": "http://127.0.0.1:1"}}
    desk.apis["ana"].ok("POST", "/connections", made)
    new["connection"] = "crm"
    refused = desk.apis["ana"].refused(422, "POST", "/uploads", new)
    assert refused["code"] == "not_supported" and "read-only" in refused["message"]


def test_a_load_is_audited_and_can_be_cancelled(desk: Desk, postgres: Cluster, table: str) -> None:
    upload = desk.send("many.csv", b"id,note\n" + b"1,abcdefghij\n" * 500_000)
    assert len(desk.preview(upload)["rows"]) == 20
    with postgres.connect() as connection:
        connection.execute(f"create table {table} (id int, note text)")
        connection.execute("begin")
        # The load waits for this lock, with its rows ahead.
        connection.execute(f"lock table {table} in access exclusive mode")
        query_id = str(uuid.uuid4())
        api, answers = desk.apis["ana"], []
        body = desk.body(table, "id", "note", mode="append", query_id=query_id)
        loading = threading.Thread(
            target=lambda: answers.append(api.call("POST", f"/uploads/{upload}/load", body))
        )
        loading.start()
        running = wait_for(
            lambda: [it for it in api.ok("GET", "/queries")["items"] if it["id"] == query_id]
        )
        assert running[0]["statement"] == f'load into "{table}": append from “many.csv”'
        api.ok("DELETE", f"/query/{query_id}")
        loading.join()
        assert answers[0].json()["error"]["code"] == "cancelled"
        connection.execute("rollback")
    assert in_postgres(postgres, table) == []
    assert api.ok("GET", f"/query/{query_id}")["outcome"] == "cancelled"
    # The file is still there for another try.
    assert desk.load(upload, table, "id", "note", mode="append")["rows"] == 500_000
    rows = api.ok("GET", "/audit/mine", event="finished")["items"]
    assert (rows[0]["action"], rows[0]["rows"]) == ("query.write", 500_000)


def test_what_is_sent_wrongly(desk: Desk) -> None:
    api = desk.apis["ana"]
    new = {"connection": "warehouse", "name": "n.csv", "size": 10}
    upload = api.ok("POST", "/uploads", new)["id"]
    for offset, content, code in ((5, b"x", "wrong_offset"), (0, b"x" * 11, "wrong_size")):
        assert desk.part(upload, offset, content).json()["error"]["code"] == code
    assert desk.part(upload, 0, b"x" * (9 * 2**20)).status_code == 413
    assert desk.part(upload, 0, b"id\n1\n").json()["received"] == 5
    body = {"connection": "warehouse"}
    refused = api.refused(409, "POST", f"/uploads/{upload}/preview", body)
    assert (refused["code"], refused["details"]["received"]) == ("incomplete_upload", 5)
    desk.part(upload, 3, b"2\n3\n4\n5")
    assert desk.preview(upload)["rows"] == [["2"], ["3"], ["4"], ["5"]]
    for wrong, field in (
        ({"options": {"encoding": "utf-7"}}, "options.encoding"),
        ({"options": {"types": {"id": "XML"}}}, "options.types.id"),
        ({"options": {"patterns": "x"}}, "options.patterns"),
    ):
        error = api.refused(400, "POST", f"/uploads/{upload}/preview", {**body, **wrong})
        assert error["details"]["field"] == field
    two = desk.body("t", columns=[{"column": "id", "name": "a"}] * 2)
    refused = api.refused(400, "POST", f"/uploads/{upload}/load", two)
    assert "two columns are called a" in refused["message"]
    missing = desk.body("no_such", "nope")
    assert api.refused(400, "POST", f"/uploads/{upload}/load", missing)["code"] == "unknown_column"
    for name in ("../../etc/passwd", "/", "..", "a\\b.csv", "." * 250 + ".csv", "é" * 290 + ".csv"):
        upload = desk.send(name, b"id\n1\n")
        assert desk.preview(upload)["rows"] == [["1"]]
        assert desk.load(upload, "odd_name", "id")["rows"] == 1
        api.query("warehouse", "drop table odd_name")
        api.ok("DELETE", f"/uploads/{upload}")


def test_files_are_kept_for_their_owner_and_not_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / "upload-999999999-abc"
    left.mkdir(parents=True)
    moment = 1000.0
    monkeypatch.setattr(clock, "monotonic", lambda: moment)
    kept = UploadStore(tmp_path, largest=100)

    def add(owner: str, size: int) -> str:
        nonlocal moment
        moment += 1
        return kept.add(owner, "a.csv", "a.csv", size).id

    def there() -> int:
        return len(list(tmp_path.glob("*/a.csv")))

    first, second = add("ana", 100), add("ana", 100)
    assert not left.exists() and there() == 2
    with pytest.raises(Exception, match="may have") as refused:
        add("ana", 101)
    assert refused.value.code == "upload_too_large"
    # The oldest one gives way, unless it is in use.
    third = add("ana", 50)
    assert there() == 2
    with kept.use("ana", second, whole=False), kept.use("ana", third, whole=False):
        with pytest.raises(Exception, match="Too many") as refused:
            add("ana", 100)
        kept.remove("ana", third)
        assert there() == 2
    assert there() == 1
    others = [add(f"user{number}", 100) for number in range(7)]
    with pytest.raises(Exception, match="Too many"):
        add("late", 100)
    for many in range(25):
        add("small", 0 * many)
    assert there() == 8 + store._MAX_FILES
    moment += store.KEPT_SECONDS + 100
    with kept.use("user0", others[0], whole=False):
        kept.tidy()
        assert there() == 1
    for upload in (first, others[1]):
        with pytest.raises(Exception, match="Send it"), kept.use("ana", upload):
            pass
    kept.close()
    assert there() == 0
