"""The client against a peer that speaks the protocol, correctly and incorrectly."""

from __future__ import annotations

import datetime as dt
import gc
import math
import signal
import subprocess
import sys
import threading
import uuid
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from wb_server.client import (
    AnswerCut,
    AnswerTruncated,
    Client,
    InvalidParameter,
    QueryError,
    ServiceUnreachable,
    encode_params,
)
from wb_server.kit import errors

if TYPE_CHECKING:
    from .conftest import Peer

SERVER = Path(__file__).parents[2] / "packages" / "wb_server"


MIXED = pa.table(
    {
        "big": pa.array([2**53 + 1, None, 3]),
        "whole": pa.array([1, 2, 3], pa.int32()),
        "flag": pa.array([True, None, False]),
        "amount": pa.array([Decimal("0.10"), Decimal("0.20"), None], pa.decimal128(18, 2)),
        "day": pa.array([dt.date(2026, 1, 1), None, dt.date(9999, 12, 31)]),
        "at": pa.array([dt.datetime(2026, 1, 1, 12, 30), None, None], pa.timestamp("us", "UTC")),
        "clock": pa.array([dt.time(8, 0), None, None], pa.time64("us")),
        "name": pa.array(["Ä", None, ""]),
        "share": pa.array([0.5, None, 1.0]),
    }
)


def test_rows_arrive_unchanged(client: Client, peer: Peer) -> None:
    peer.says("select", MIXED)
    with client.query("warehouse", "select") as answer:
        assert answer.columns == MIXED.column_names
        table = answer.arrow()
    assert table.equals(MIXED)
    assert (answer.rows, len(answer), answer.truncated) == (3, 3, False)
    assert b'"rows": 3' in table.schema.metadata[b"workbench"]
    assert answer.provenance["connection"] == "warehouse"
    assert answer.arrow() is table


def test_pandas_types(client: Client, peer: Peer) -> None:
    peer.says("select", MIXED)
    frame = client.query("warehouse", "select").df()
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "big": "Int64",
        "whole": "int32",
        "flag": "boolean",
        "amount": "decimal128(18, 2)[pyarrow]",
        "day": "datetime64[ms]",
        "at": "datetime64[us, UTC]",
        "clock": "time64[us][pyarrow]",
        "name": "str",
        "share": "float64",
    }
    assert frame["amount"].sum() == Decimal("0.30")
    assert frame["big"][0] == 2**53 + 1
    assert frame.attrs["workbench"]["rows"] == 3
    assert list(frame.columns) == MIXED.column_names


def test_two_columns_with_the_same_name(client: Client, peer: Peer) -> None:
    twice = pa.table([pa.array([1]), pa.array([None], pa.int64())], names=["a", "a"])
    peer.says("select", twice)
    answer = client.query("warehouse", "select")
    assert list(answer.df().columns) == ["a", "a"]
    assert answer.pl().columns == ["a", "a_1"]


def test_polars_keeps_decimals(client: Client, peer: Peer) -> None:
    peer.says("select", MIXED)
    frame = client.query("warehouse", "select").pl()
    assert isinstance(frame, pl.DataFrame) and frame["amount"].sum() == Decimal("0.30")


def test_no_rows(client: Client, peer: Peer) -> None:
    peer.says("select", MIXED.slice(0, 0))
    answer = client.query("warehouse", "select")
    assert answer.df().shape == (0, 9) and answer.rows == 0


def test_batches_stream_with_little_memory(client: Client, peer: Peer) -> None:
    table = pa.table({"n": np.arange(2_000_000), "m": np.arange(2_000_000)})
    peer.says("select", table, chunk_rows=20_000)
    answer = client.query("warehouse", "select")
    before, most, count = pa.total_allocated_bytes(), 0, 0
    for batch in answer.batches():
        count += batch.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert count == answer.rows == 2_000_000
    assert most < table.nbytes / 4  # the peer writes from the same memory pool
    with pytest.raises(QueryError, match="batches"):
        answer.arrow()


def test_batches_after_reading_the_whole_answer(client: Client, peer: Peer) -> None:
    peer.says("select", MIXED)
    answer = client.query("warehouse", "select")
    answer.arrow()
    assert sum(batch.num_rows for batch in answer.batches()) == 3


def test_a_truncated_answer_warns_once(client: Client, peer: Peer) -> None:
    peer.says("select", {"x": [1, 2]}, truncated=True)
    answer = client.query("warehouse", "select", row_limit=2)
    with pytest.warns(AnswerTruncated, match="row limit of 2 rows"):
        frame = answer.df()
    assert len(frame) == 2 and answer.truncated
    assert peer.queries[-1]["row_limit"] == 2


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"final": False}, "last part is missing"),
        ({"rows": 4}, "3 of 4 rows"),
        ({"rows": 2}, "3 of 2 rows"),
        ({"cut_after": 10}, "connection to the service broke"),
        ({"cut_after": 1_500}, "connection to the service broke"),
        ({"more_after_end": True}, "more data after its end"),
    ],
)
def test_a_cut_answer_is_an_error(
    client: Client, peer: Peer, broken: dict[str, Any], why: str
) -> None:
    peer.says("select", MIXED, **broken)
    with pytest.raises(AnswerCut, match=why) as caught:
        client.query("warehouse", "select").arrow()
    assert caught.value.status == 503
    peer.says("select", MIXED)
    assert client.query("warehouse", "select").rows == 3


def test_an_error_in_the_middle_of_the_stream(client: Client, peer: Peer) -> None:
    error = {"code": "source_failed", "message": "division by zero", "details": {"code": "22012"}}
    peer.says("select", MIXED, error=error)
    answer = client.query("warehouse", "select")
    with pytest.raises(errors.SourceFailed, match="division by zero") as caught:
        answer.df()
    assert isinstance(caught.value, QueryError)
    assert caught.value.details == {"code": "22012"}
    assert caught.value.query_id == answer.query_id


@pytest.mark.parametrize(
    "kind",
    [
        errors.InvalidInput,
        errors.NotSignedIn,
        errors.Forbidden,
        errors.NotFound,
        errors.Conflict,
        errors.TooLarge,
        errors.Unprocessable,
        errors.LimitReached,
        errors.Internal,
        errors.SourceFailed,
        errors.Unavailable,
        errors.SourceTimeout,
    ],
)
def test_each_error_is_the_services_own_class(
    client: Client, peer: Peer, kind: type[errors.WorkbenchError]
) -> None:
    raised = kind("It was refused.", code="why", near=["sales"])
    peer.says("select", status=kind.status, body=raised.to_wire())
    with pytest.raises(kind) as caught:
        client.query("warehouse", "select")
    assert isinstance(caught.value, QueryError)
    found = (caught.value.code, caught.value.message, caught.value.details, caught.value.status)
    assert found == ("why", "It was refused.", {"near": ["sales"]}, kind.status)


@pytest.mark.parametrize("body", [b"<html>Bad gateway</html>", [], {"error": "no"}])
def test_an_answer_that_is_not_the_services(client: Client, peer: Peer, body: Any) -> None:
    peer.says("select", status=502, body=body)
    with pytest.raises(errors.SourceFailed, match="HTTP status 502"):
        client.query("warehouse", "select")
    peer.says("select", MIXED, content_type="text/html")
    with pytest.raises(ServiceUnreachable, match="text/html instead of rows"):
        client.query("warehouse", "select")


def test_no_service() -> None:
    with (
        Client("http://127.0.0.1:9", "t") as client,
        pytest.raises(ServiceUnreachable, match="doesn't answer"),
    ):
        client.connections()


def test_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_URL", raising=False)
    with pytest.raises(ServiceUnreachable, match="WORKBENCH_URL"):
        Client()


def test_token_and_identity_encoding_are_sent(client: Client, peer: Peer) -> None:
    assert client.connections().names == ["lake", "warehouse"]
    sent = peer.seen[-1].headers
    assert sent["Authorization"] == f"token {peer.token}" and sent["Accept-Encoding"] == "identity"
    with Client(token="another") as other, pytest.raises(errors.NotSignedIn):
        other.connections()


def test_the_hubs_token_is_the_fallback(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_TOKEN")
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", peer.token)
    with Client() as client:
        assert client.connections()


def test_the_token_is_not_shown(client: Client, peer: Peer) -> None:
    assert peer.token not in repr(client) + str(client._http.headers) + repr(vars(client))
    with Client("http://me:secret@127.0.0.1:9") as other:
        assert "secret" not in repr(other)
        with pytest.raises(ServiceUnreachable) as caught:
            other.connections()
        assert "secret" not in str(caught.value)


def test_proxies_from_the_environment_are_ignored(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with Client() as client:
        assert client.connections()


def test_queries_share_one_connection(client: Client, peer: Peer) -> None:
    peer.says("select", MIXED)
    for _ in range(5):
        client.query("warehouse", "select").arrow()
    assert len(peer.sockets) == 1


def test_a_garbage_collected_result_hangs_up(client: Client, peer: Peer) -> None:
    peer.says("select", MIXED, hang=True)
    answer = client.query("warehouse", "select")
    assert peer.hangs.wait(10) and not peer.hung_up.is_set()
    del answer
    gc.collect()
    assert peer.hung_up.wait(10)


def test_reading_a_closed_result_is_an_error(client: Client, peer: Peer) -> None:
    peer.says("select", MIXED)
    answer = client.query("warehouse", "select")
    answer.close()
    with pytest.raises(QueryError, match="closed before it was read"):
        answer.df()


@pytest.mark.parametrize("when", ["before the answer", "between its rows"])
def test_an_interrupt_hangs_up_and_cancels(client: Client, peer: Peer, when: str) -> None:
    # polars is imported here; it makes SIGINT restart a blocked recv().
    main = threading.main_thread().ident
    assert main is not None
    reading, done = threading.Event(), threading.Event()

    def interrupt() -> None:
        # Repeated, as a user would: Python drops an interrupt that arrives in a finalizer.
        assert peer.hangs.wait(10) and reading.wait(10)
        while not done.is_set():
            signal.pthread_kill(main, signal.SIGINT)
            done.wait(5)

    thread = threading.Thread(target=interrupt)
    thread.start()
    if when == "before the answer":
        reading.set()
    peer.says("select", MIXED, hang=not reading.is_set(), hang_first=reading.is_set())
    with pytest.raises(KeyboardInterrupt):
        for _ in client.query("warehouse", "select").batches():
            reading.set()
    done.set()
    thread.join()
    assert peer.hung_up.wait(10)
    assert peer.cancelled == [peer.queries[-1]["query_id"]]


def test_cancel(client: Client, peer: Peer) -> None:
    query_id = str(uuid.uuid4())
    assert client.cancel(query_id) is True
    assert peer.cancelled == [query_id]
    with pytest.raises(ValueError):
        client.cancel("../connections")


def test_parameters_on_the_wire() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    key = uuid.uuid4()
    sent = encode_params(
        {
            "nothing": None, "yes": True, "n": 3, "f": 0.5, "s": "a'b",
            "money": Decimal("1E+3"), "day": dt.date(2026, 1, 2),
            "at": dt.datetime(2026, 1, 2, 3, 4, tzinfo=zone), "clock": dt.time(1, 2),
            "raw": b"\x00\xff", "key": key,
            "np_int": np.int64(7), "np_float": np.float32(0.5), "np_bool": np.bool_(True),
            "np_text": np.str_("x"), "np_day": np.datetime64("2026-01-02"),
            "np_at": np.datetime64("2026-01-02T03:04:05.123456000", "ns"),
            "span": dt.timedelta(days=-1, microseconds=5), "pd_span": pd.Timedelta(hours=1),
            "np_span": np.timedelta64(90, "m"),
            "nat": np.datetime64("NaT"), "pd_nat": pd.NaT, "pd_na": pd.NA,
            "pd_at": pd.Timestamp("2026-01-02 03:04:05"),
            "many": [1, Decimal("2.50"), None], "array": np.array([1, 2]),
            "series": pd.Series(["a", "b"]), "polars": pl.Series([1.5]), "arrow": pa.array([1]),
            "scalar": pa.scalar(5), "empty": [],
        }
    )  # fmt: skip
    assert sent == {
        "nothing": None, "yes": True, "n": 3, "f": 0.5, "s": "a'b",
        "money": {"type": "decimal", "value": "1000"},
        "day": {"type": "date", "value": "2026-01-02"},
        "at": {"type": "timestamp", "value": "2026-01-02T03:04:00+02:00"},
        "clock": {"type": "time", "value": "01:02:00"},
        "raw": {"type": "bytes", "value": "AP8="}, "key": str(key),
        "np_int": 7, "np_float": 0.5, "np_bool": True, "np_text": "x",
        "np_day": {"type": "timestamp", "value": "2026-01-02T00:00:00"},
        "np_at": {"type": "timestamp", "value": "2026-01-02T03:04:05.123456"},
        "span": {"type": "duration", "value": "-86399999995"},
        "pd_span": {"type": "duration", "value": "3600000000"},
        "np_span": {"type": "duration", "value": "5400000000"},
        "nat": None, "pd_nat": None, "pd_na": None,
        "pd_at": {"type": "timestamp", "value": "2026-01-02T03:04:05"},
        "many": [1, {"type": "decimal", "value": "2.50"}, None], "array": [1, 2],
        "series": ["a", "b"], "polars": [1.5], "arrow": [1], "scalar": 5, "empty": [],
    }  # fmt: skip
    assert encode_params(None) is None


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        Decimal("NaN"),
        pytest.param(object(), id="object"),
        {"a": 1},
        [[1]],
        list,
        pd.Timedelta(1),
        np.timedelta64(1, "ns"),
        np.datetime64(1, "ns"),
        pd.Timestamp(1),
        "a\ud800b",
        ["fine", "a\x00b"],
    ],
    ids=repr,
)
def test_values_that_cannot_be_sent(value: Any) -> None:
    with pytest.raises(InvalidParameter, match=":x"):
        encode_params({"x": value})


def test_the_base_install_is_enough() -> None:
    """Neither pandas, polars nor a part of the service is imported until needed."""
    code = (
        "import sys, wb_server.client\n"
        "wrong = [m for m in ('pandas', 'polars', 'tornado', 'sqlalchemy', 'cryptography')"
        " if m in sys.modules]\n"
        "ours = sorted(m for m in sys.modules if m.startswith('wb_server'))\n"
        "print(wrong, ours)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SERVER)},
        capture_output=True,
        text=True,
        check=True,
    )
    client = (
        "client",
        "closing",
        "connections",
        "errors",
        "frames",
        "http_api",
        "loads",
        "parameters",
        "patience",
        "result",
    )
    ours = [
        *("wb_server", "wb_server.client", *(f"wb_server.client.{name}" for name in client)),
        *("wb_server.client.stream", "wb_server.client.values", "wb_server.client.wire"),
        *("wb_server.kit", "wb_server.kit.errors", "wb_server.kit.version"),
    ]
    assert done.stdout.strip() == f"[] {ours}"


def test_requests_name_the_kernels_attempt(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_ATTEMPT", "a1")
    with Client(peer.url, peer.token) as bound:
        bound.connections()
    monkeypatch.delenv("WORKBENCH_ATTEMPT")
    with Client(peer.url, peer.token) as free:
        free.connections()
    sent = [each.headers.get("Workbench-Attempt") for each in peer.seen]
    assert sent == ["a1", None]
