"""``wb.load``: frames become rows of PostgreSQL's and MariaDB's tables, over HTTP."""

from __future__ import annotations

import datetime as dt
import io
import uuid
from collections.abc import Iterator
from decimal import Decimal
from itertools import repeat
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support.api import Api, every_host
from support.mariadb import MariaDB
from support.postgres import Cluster

import wb
from wb_kernels import session
from wb_server.client import Client
from wb_server.kit.errors import InvalidInput
from wb_server.queries.sent_rows import SentRows

MONEY = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int32()),
        "amount": pa.array([Decimal("1.10"), Decimal("-0.05"), None], pa.decimal128(12, 2)),
        "day": pa.array([dt.date(2026, 1, 31), None, dt.date(1999, 12, 31)]),
        "note": ["it's", "a\tb\n\\N", None],
    }
)


@pytest.fixture(params=["postgres", "mysql"])
def source(
    request: pytest.FixtureRequest, api: Api, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """A connection's name, for a client that a notebook would have."""
    kind = request.param
    fixture = {"postgres": "postgres", "mysql": "mariadb"}[kind]
    server: Cluster | MariaDB = request.getfixturevalue(fixture)
    name = f"load_{uuid.uuid4().hex[:8]}"
    body = {"name": name, "connector": kind, "config": server.config()}
    made = api.ok("POST", "/connections", body)
    monkeypatch.setenv("WORKBENCH_URL", api.base)
    monkeypatch.setenv("WORKBENCH_TOKEN", api.http.headers["Authorization"].removeprefix("token "))
    yield name
    session.close()
    api.ok("DELETE", f"/connections/{made['id']}")


@pytest.fixture
def table(source: str) -> Iterator[str]:
    """The name of a table that isn't there yet."""
    name = f"t_{uuid.uuid4().hex[:8]}"
    yield name
    wb.query(source, f"drop table if exists {name}").close()


def rows(source: str, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        wb.query(source, f"select id, amount, day, note from {table} order by id")
        .arrow()
        .to_pylist()
    )
    return found


def test_each_mode_and_each_kind_of_frame(source: str, table: str) -> None:
    to = f"{source}.{table}"
    done = wb.load(MONEY, to, mode="create")
    assert done.rows == 3 and done.table.startswith(f"{source}.") and done.table.endswith(table)
    assert repr(done).startswith(f"3 rows into {done.table} (create) in ")
    assert rows(source, table) == MONEY.to_pylist()
    frame = pd.DataFrame(
        {
            "amount": [Decimal("7.00")],
            "id": [4],
            "day": pd.to_datetime(["2026-02-01"]),
            "note": pd.Categorical(["new"]),
        }
    )
    frame["day"] = frame["day"].dt.date
    assert wb.load(frame, to).rows == 1
    assert wb.load(pl.from_arrow(MONEY).with_columns(id=pl.col("id") + 10), to).rows == 3
    assert [each["id"] for each in rows(source, table)] == [1, 2, 3, 4, 11, 12, 13]
    indexed = frame.set_index("id")
    assert wb.load(indexed, to, mode="replace").rows == 1
    assert rows(source, table) == [
        {"id": 4, "amount": Decimal("7.00"), "day": dt.date(2026, 2, 1), "note": "new"}
    ]
    wb.query(source, f"create unique index u_{table} on {table} (id)").close()
    wb.load([{"id": 4, "note": "old"}, {"id": 5, "note": "more"}], to, mode="upsert", key="id")
    assert [(each["id"], each["note"]) for each in rows(source, table)] == [(4, "old"), (5, "more")]


def test_a_failure_names_the_column_and_leaves_the_table_as_it_was(source: str, table: str) -> None:
    to = f"{source}.{table}"
    with pytest.raises(wb.QueryError, match=r'There is no table .* on .*mode="create" makes it'):
        wb.load(MONEY, to)
    wb.load(MONEY, to, mode="create")
    for frame, mode, words in (
        (MONEY, "create", "There is a table .* already"),
        (MONEY.append_column("colour", pa.array(["r", "g", "b"])), "append", "colour"),
        ({"id": ["x"]}, "append", "not a frame"),
        (pd.DataFrame({"id": ["x"]}), "append", "id"),
        (pd.DataFrame({"id": [9], "amount": [Decimal("1e15")]}), "replace", "amount"),
        (pd.DataFrame({"id": [9], "note": [object()]}), "append", "note"),
        (MONEY, "upsert", "key"),
        (MONEY, "merge", "There is no mode 'merge'"),
    ):  # fmt: skip
        with pytest.raises(wb.QueryError, match=words):
            wb.load(frame, to, mode=mode)
    assert rows(source, table) == MONEY.to_pylist()


def test_a_larger_frame_than_other_bodies_may_be(source: str, table: str) -> None:
    many = pa.table({"id": pa.array(range(300_000), pa.int32()), "note": ["x" * 20] * 300_000})
    assert wb.load(many, f"{source}.{table}", mode="create").rows == 300_000
    counted = wb.query(source, f"select count(*) as n, max(id) as m from {table}").arrow()
    assert counted.to_pylist() == [{"n": 300_000, "m": 299_999}]


def test_where_rows_can_go(source: str) -> None:
    for to, words in (
        ("nowhere", "names no table"),
        ("local.t", "local has its tables in this kernel"),
        ("nowhere.t", "connection"),
        (f"{source}.pg_catalog.pg_class", "."),
    ):
        with pytest.raises(wb.QueryError, match=words):
            wb.load(MONEY, to, mode="create")


@every_host
def test_a_file_that_is_no_stream_of_rows_is_refused(api: Api) -> None:
    url = f"{api.base}/api/v1/load"
    where = {"connection": "none", "table": "t", "mode": "append"}
    for body in (b"", b"{}", b"\xff" * 100):
        answer = api.http.post(url, content=body, params=where)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_rows")
    answer = api.http.post(url, content=stream(MONEY), params={**where, "mode": "all"})
    assert answer.json()["error"]["code"] == "invalid_field"
    answer = api.http.post(url, content=stream(MONEY), params=where)
    assert answer.json()["error"]["code"] == "unknown_connection"


def stream(table: pa.Table, compression: str | None = None) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_only_plain_rows_are_read() -> None:
    assert pa.Table.from_batches(SentRows(pa.py_buffer(stream(MONEY)))) == MONEY
    bomb = pa.table({"a": pa.array([0] * 1_000_000)})
    for sent in (
        stream(bomb, "zstd"),
        stream(bomb, "lz4"),
        stream(MONEY)[:400],
        stream(pa.table({"a": pa.nulls(2**21)})),
        stream(MONEY).replace(b"it's", b"\xff\xff\xff\xff"),  # not UTF-8
    ):
        with pytest.raises(InvalidInput) as refused:
            list(SentRows(pa.py_buffer(sent)))
        assert refused.value.code == "bad_rows"
    long = pa.array(["x" * 1000])
    for column in (long.dictionary_encode(), pa.array(["x"], pa.string_view())):
        with pytest.raises(InvalidInput, match="“wide” has the type"):
            SentRows(pa.py_buffer(stream(pa.table({"wide": column}))))


def test_the_size_is_limited_before_anything_is_kept(api: Api) -> None:
    with Client(api.base, api.http.headers["Authorization"].removeprefix("token ")) as client:
        headers = {"Content-Length": str(2**31), "Content-Type": "application/octet-stream"}
        where = "load?connection=none&table=t&mode=append"
        answer = client._http.post(where, headers=headers, content=repeat(b"x" * 2**16, 2**15))
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
