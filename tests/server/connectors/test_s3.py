"""The S3 connector: on a real store, and on one that lies, redirects and changes under the reader."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pydantic import ValidationError
from support.api import Api
from support.s3 import LAKE_ROWS, ObjectStore, failure, object_store, of
from support.s3_scripted import listing, scripted
from support.source import Source

from wb_server.connectors.embedded.workers import Workers
from wb_server.connectors.s3.client import Keys, sign
from wb_server.connectors.s3.connector import S3Config, S3Connector
from wb_server.kit.errors import Forbidden, InvalidInput, SourceFailed, Unprocessable
from wb_server.kit.network import NetworkPolicy

# --- reading ---------------------------------------------------------------------------------


def test_objects_are_read_as_tables(lake: Source) -> None:
    assert lake.rows("select * from people order by id", "people") == [
        {"id": 1, "name": "ä b"},
        {"id": 2, "name": "c"},
    ]
    assert lake.value("select sku from price_list_2025_new", "price_list_2025_new") == "x"
    assert lake.value("select count(l.a) from lines l, people", "lines", "people") == 2
    with lake.open(kind="browse") as session:
        found = ["big", "deep", "lines", "people", "price_list_2025_new"]
        assert [table.name for table in session.tables(None)] == found
        assert [(schema.name, schema.tables) for schema in session.schemas()] == [("files", 5)]
        assert [(column.name, column.type) for column in session.columns("files", "big")] == [
            ("i", "BIGINT"), ("amount", "DECIMAL(12,2)"), ("day", "DATE"), ("s", "VARCHAR"),
        ]  # fmt: skip


def test_money_and_dates_are_exact(lake: Source) -> None:
    table = lake.table("select * from big order by i", "big")
    assert table.num_rows == LAKE_ROWS
    assert table.schema.field("amount").type == pa.decimal128(12, 2)
    assert sum(table["amount"].to_pylist()) == sum(Decimal(i) / 4 for i in range(LAKE_ROWS))
    assert table["day"][0].as_py() == dt.date(2025, 1, 1)


def test_a_prefix_and_partitions_are_applied(
    s3_connector: S3Connector, s3_store: ObjectStore
) -> None:
    source = of(s3_connector, s3_store.config(prefix="/deep/"))
    assert source.rows("select * from sales order by x", "sales") == [
        {"x": 20240, "year": 2024},
        {"x": 20250, "year": 2025},
    ]
    assert source.value("select x from sales where year = 2025", "sales") == 20250
    assert failure(source).code == "unknown_table"
    nothing = of(s3_connector, s3_store.config(prefix="deeper"))
    with nothing.open(kind="browse") as session:
        assert session.tables(None) == []


def test_only_the_named_tables_are_visible(lake: Source) -> None:
    with pytest.raises(InvalidInput) as caught:
        lake.table("select * from big", "people")
    assert caught.value.code == "unknown_table"


def test_a_new_object_is_a_new_table(lake: Source, s3_store: ObjectStore) -> None:
    path = s3_store.bucket() / "late.csv"
    path.write_text("a\n1\n")
    with lake.open(kind="browse") as session:
        assert [column.name for column in session.columns(None, "late")] == ["a"]
        path.write_text("other\nx\n")
        assert [column.name for column in session.columns(None, "late")] == ["other"]
    path.unlink()


def test_a_test_reports_the_server_version(lake: Source) -> None:
    with lake.open("select 1 as one", kind="test") as session:
        assert [it.to_pylist() for it in session.run(timeout=5, max_write_rows=0)] == [[{"one": 1}]]
        assert session.server_version()


@pytest.mark.slow
def test_virtual_host_style_uses_the_buckets_own_host(
    s3_connector: S3Connector, workers: Workers
) -> None:
    """The bucket's own host is what is resolved, dialled and signed for."""
    asked: list[str] = []

    def resolver(name: str, port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"]

    with object_store(path_style=False) as store:
        (store.bucket() / "people.csv").write_text("id\n7\n")
        it = S3Connector(NetworkPolicy(allow_loopback=True, resolver=resolver), workers)
        config = store.config(host="localhost", url_style="vhost")
        assert of(it, config).value("select id from people", "people") == 7
    assert asked == ["lake.localhost"]


# --- access ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"secret_access_key": "wrong"}, "sign_in_failed"),
        ({"access_key_id": "somebody"}, "sign_in_failed"),
        ({"bucket": "nowhere"}, "unknown_bucket"),
        ({"port": 1}, "unreachable"),
        ({"tls": True}, "tls_failed"),
    ],
)
@pytest.mark.parametrize("kind", ["read", "test", "browse"])
def test_refused_access_is_reported(
    s3_connector: S3Connector, s3_store: ObjectStore, change: dict[str, Any], code: str, kind: Any
) -> None:
    source = of(s3_connector, s3_store.config(**change))
    with (
        source.open("select 1", "people", kind=kind) as session,
        pytest.raises(SourceFailed) as caught,
    ):
        if kind == "browse":
            session.tables(None)
        else:
            session.run(timeout=10, max_write_rows=0)
    assert caught.value.code == code
    assert s3_store.secret not in caught.value.message
    if code == "sign_in_failed":
        assert caught.value.message == "The store refused the access key or its secret."


@pytest.mark.slow
def test_tls_is_verified(s3_connector: S3Connector) -> None:
    with object_store(tls=True) as store:
        (store.bucket() / "people.csv").write_text("id\n7\n")
        assert of(s3_connector, store.config()).value("select id from people", "people") == 7
        for change in ({"root_certificate": None}, {"host": "127.0.0.1"}):
            assert failure(of(s3_connector, store.config(**change))).code == "tls_failed"
        assert failure(of(s3_connector, store.config(tls=False))).code == "unreachable"


def test_a_session_token_is_sent_and_signed(s3_connector: S3Connector) -> None:
    with scripted(listing(("people.csv", b"id\n7\n"))) as fake:
        source = of(s3_connector, fake.config(session_token="temporary"))
        assert source.value("select id from people", "people") == 7
    assert {request["x-amz-security-token"] for request in fake.requests} == {"temporary"}
    for request in fake.requests:
        assert "x-amz-security-token" in request["Authorization"]
        assert fake.secret not in str(dict(request.items()))


def test_a_public_bucket_is_read_unsigned(s3_connector: S3Connector) -> None:
    with scripted(listing(("people.csv", b"id\n7\n"))) as fake:
        config = fake.config(access_key_id=None, secret_access_key=None)
        assert of(s3_connector, config).value("select id from people", "people") == 7
    assert not any("Authorization" in request for request in fake.requests)


def test_signatures_match_amazons_examples() -> None:
    """The examples in "Signature Calculations for the Authorization Header" of Amazon's S3 API."""
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    headers = {
        "Host": "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": empty,
        "x-amz-date": "20130524T000000Z",
    }
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    moment = dt.datetime(2013, 5, 24, tzinfo=dt.UTC)
    ranged = sign(keys, "us-east-1", "/test.txt", [], {**headers, "Range": "bytes=0-9"}, moment)
    assert ranged.endswith("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    listed = sign(keys, "us-east-1", "/", [("prefix", "J"), ("max-keys", "2")], headers, moment)
    assert listed.endswith("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")


# --- the configuration -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"bucket": "a/b"},
        {"bucket": "a..b"},
        {"bucket": "x"},
        {"bucket": "a b c"},
        {"bucket": "abc\n"},
        {"prefix": "a\r\nX-Other: 1"},
        {"region": "eu central"},
        {"access_key_id": "a\nb"},
        {"secret_access_key": None},
        {"access_key_id": None},
        {"access_key_id": None, "secret_access_key": None, "session_token": "x"},
        {"session_token": "a\r\nHost: evil.example.org"},
        {"secret_access_key": "s p"},
        {"root_certificate": "no certificate"},
        {"port": 0},
        {"url_style": "other"},
        {"endpoint": "x"},
    ],
)
def test_invalid_configuration_is_refused(s3_store: ObjectStore, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        S3Config.model_validate(s3_store.config(**change))
    assert s3_store.secret not in str(caught.value.errors(include_input=False))


def test_a_stored_secret_is_bound_to_its_destination(
    s3_connector: S3Connector, s3_store: ObjectStore
) -> None:
    def destination(**change: Any) -> object:
        return s3_connector.destination(S3Config.model_validate(s3_store.config(**change)))

    for change in (
        {"host": "evil.example.org"},
        {"port": 1},
        {"tls": True},
        {"bucket": "other"},
        {"url_style": "vhost"},
    ):
        assert destination(**change) != destination()
    assert destination(prefix="deep", region="eu-1", access_key_id="other") == destination()
    assert "secret" not in str(destination())
    # The default port is the same destination, given or not.
    assert destination(port=None) == destination(port=80)


def test_virtual_host_style_needs_a_host_name(
    s3_connector: S3Connector, s3_store: ObjectStore
) -> None:
    config = S3Config.model_validate(s3_store.config(url_style="vhost"))
    with pytest.raises(Unprocessable) as caught:
        s3_connector.check(config)
    assert caught.value.details == {"field": "url_style"}


# --- what it can't do ---------------------------------------------------------------------------


def test_a_write_is_refused(lake: Source) -> None:
    session = lake.open("insert into people values (1)", "people", kind="write")
    with session, pytest.raises(Forbidden):
        session.run(timeout=5, max_write_rows=0)


def test_the_extension_is_signed_by_duckdb(s3_connector: S3Connector) -> None:
    """It loads into this version where unsigned extensions are refused, which is the default."""
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as database:
        row = database.execute("select current_setting('allow_unsigned_extensions')").fetchone()
        assert row == (False,)
        database.execute(f"load '{s3_connector._extension}'")


def test_tls_below_1_2_is_not_used(s3_store: ObjectStore, s3_connector: S3Connector) -> None:
    source = of(s3_connector, s3_store.config(tls=True))
    with source.open("select 1") as session:
        context = session._store.place.context  # type: ignore[attr-defined]
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname


# --- through the API ---------------------------------------------------------------------------


@pytest.fixture
def saved(embedded_api: Api, s3_store: ObjectStore) -> Iterator[dict[str, Any]]:
    """A saved connection to the lake."""
    body = {"name": "lake", "connector": "s3", "config": s3_store.config()}
    made = embedded_api.ok("POST", "/connections", body)
    yield made
    embedded_api.ok("DELETE", f"/connections/{made['id']}")


def test_a_bucket_is_tested_and_queried_through_the_service(
    embedded_api: Api, saved: dict[str, Any], s3_store: ObjectStore
) -> None:
    path = f"/connections/{saved['id']}"
    assert saved["secrets_set"] == ["secret_access_key"]
    assert s3_store.secret not in str(saved)
    assert embedded_api.ok("POST", f"{path}/test")["ok"] is True
    table, end = embedded_api.query("lake", "select count(*) as n, sum(amount) as s from big")
    total = sum(Decimal(i) / 4 for i in range(LAKE_ROWS))
    assert table.to_pylist() == [{"n": LAKE_ROWS, "s": total}]
    assert end["rows"] == 1
    error = embedded_api.refused(
        400, "POST", "/query", {"connection": "lake", "sql": "select * from peple"}
    )
    assert (error["code"], error["details"]["near"]) == ("unknown_table", ["people"])
    for sql, code in (
        ("select * from 's3://other/secret.csv'", "file_not_allowed"),
        ("select * from read_csv('s3://other/secret.csv')", "function_not_allowed"),
        ("insert into people values (1, 'x')", "read_only_connection"),
    ):
        body = {"connection": "lake", "sql": sql}
        assert embedded_api.refused(403, "POST", "/query", body)["code"] == code


def test_a_stored_secret_stays_with_its_bucket(
    embedded_api: Api, saved: dict[str, Any], s3_store: ObjectStore
) -> None:
    path = f"/connections/{saved['id']}"
    for change in ({"host": "localhost"}, {"port": 1}, {"bucket": "other"}, {"tls": True}):
        config = s3_store.config(**change)
        del config["secret_access_key"]
        error = embedded_api.refused(400, "PATCH", path, {"config": config})
        assert error["code"] == "secret_needed"
        body = {"connector": "s3", "config": config, "connection_id": saved["id"]}
        error = embedded_api.refused(400, "POST", "/connections/test", body)
        assert error["code"] == "secret_needed"
    config = s3_store.config(prefix="deep")
    del config["secret_access_key"]
    embedded_api.ok("PATCH", path, {"config": config})
    table, _ = embedded_api.query("lake", "select count(*) as n from sales")
    assert table.to_pylist() == [{"n": 2}]


def test_a_failing_store_marks_the_connection_failed(
    embedded_api: Api, saved: dict[str, Any], s3_store: ObjectStore
) -> None:
    path = f"/connections/{saved['id']}"
    config = s3_store.config(secret_access_key="wrong")
    embedded_api.ok("PATCH", path, {"config": config})
    body = {"connection": "lake", "sql": "select * from people"}
    assert embedded_api.refused(502, "POST", "/query", body)["code"] == "sign_in_failed"
    assert embedded_api.ok("GET", path)["state"]["status"] == "failed"
    embedded_api.ok("PATCH", path, {"config": s3_store.config()})
    embedded_api.query("lake", "select * from people")


def test_an_access_key_without_its_secret_is_refused(
    embedded_api: Api, s3_store: ObjectStore
) -> None:
    body = {
        "name": "half",
        "connector": "s3",
        "config": s3_store.config(secret_access_key=None),
    }
    error = embedded_api.refused(400, "POST", "/connections", body)
    assert "both the access key and the secret" in error["message"]
