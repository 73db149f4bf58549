"""The S3 connector: on a real store, and on one that lies, redirects and changes under the reader."""

from __future__ import annotations

import datetime as dt
import os
import signal
import ssl
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import duckdb
import httpx
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from support.memory import forms, search_memory
from support.s3 import ObjectStore, object_store
from support.source import Source
from support.wait import wait_for

from wb_server.connections.connectors import duckdb_worker, s3_client
from wb_server.connections.connectors.base import Target
from wb_server.connections.connectors.s3 import S3Config, S3Connector
from wb_server.connections.connectors.s3_client import Keys, sign
from wb_server.connections.connectors.s3_gateway import Gateway
from wb_server.connections.connectors.worker import Workers
from wb_server.connections.network import NetworkPolicy
from wb_server.connections.statement import analyse
from wb_server.kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    SourceFailed,
    SourceTimeout,
    TooLarge,
    Unprocessable,
    WorkbenchError,
)

pytestmark = pytest.mark.slow

ROWS = 400_000


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    """A store with a lake in it."""
    with object_store() as it:
        lake = it.bucket()
        (lake / "people.csv").write_text("id,name\n1,ä b\n2,c\n")
        (lake / "Price list + 2025 [new]?.csv").write_text("sku\nx\n")
        (lake / "lines.jsonl").write_text('{"a": 1}\n{"a": null}\n')
        (lake / "_hidden.csv").write_text("a\n1\n")
        (lake / "note.txt").write_text("no table")
        big = pa.table(
            {
                "i": pa.array(range(ROWS), pa.int64()),
                "amount": pa.array([Decimal(i) / 4 for i in range(ROWS)], pa.decimal128(12, 2)),
                "day": pa.array([dt.date(2025, 1, 1)] * ROWS),
                "s": pa.array([f"text of row {i}" for i in range(ROWS)]),
            }
        )
        pq.write_table(big, lake / "big.parquet", row_group_size=50_000)
        for year in (2024, 2025):
            folder = lake / "deep" / "sales" / f"year={year}"
            folder.mkdir(parents=True)
            pq.write_table(pa.table({"x": [year * 10]}), folder / "part one%.parquet")
        (it.bucket("other") / "secret.csv").write_text("word\nkanari\n")
        yield it


@pytest.fixture(scope="module")
def connector() -> Iterator[S3Connector]:
    it = S3Connector(NetworkPolicy(allow_loopback=True), Workers())
    yield it
    it.close()


@pytest.fixture
def lake(connector: S3Connector, store: ObjectStore) -> Source:
    return of(connector, store.config())


def of(connector: S3Connector, config: dict[str, Any]) -> Source:
    return Source(connector, Target("c1", 1, S3Config.model_validate(config)))


def failure(source: Source, sql: str = "select * from people", *tables: str) -> WorkbenchError:
    with pytest.raises(WorkbenchError) as caught:
        source.table(sql, *(tables or ("people",)))
    return caught.value


# --- reading ---------------------------------------------------------------------------------


def test_reads(lake: Source) -> None:
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
    assert table.num_rows == ROWS
    assert table.schema.field("amount").type == pa.decimal128(12, 2)
    assert sum(table["amount"].to_pylist()) == sum(Decimal(i) / 4 for i in range(ROWS))
    assert table["day"][0].as_py() == dt.date(2025, 1, 1)


def test_prefix_and_partitions(connector: S3Connector, store: ObjectStore) -> None:
    source = of(connector, store.config(prefix="/deep/"))
    assert source.rows("select * from sales order by x", "sales") == [
        {"x": 20240, "year": 2024},
        {"x": 20250, "year": 2025},
    ]
    assert source.value("select x from sales where year = 2025", "sales") == 20250
    assert failure(source).code == "unknown_table"
    nothing = of(connector, store.config(prefix="deeper"))
    with nothing.open(kind="browse") as session:
        assert session.tables(None) == []


def test_reads_only_what_is_named(lake: Source) -> None:
    with pytest.raises(InvalidInput) as caught:
        lake.table("select * from big", "people")
    assert caught.value.code == "unknown_table"


def test_new_object_is_a_new_table(lake: Source, store: ObjectStore) -> None:
    path = store.bucket() / "late.csv"
    path.write_text("a\n1\n")
    with lake.open(kind="browse") as session:
        assert [column.name for column in session.columns(None, "late")] == ["a"]
        path.write_text("other\nx\n")
        assert [column.name for column in session.columns(None, "late")] == ["other"]
    path.unlink()


def test_test_says_what_answers(lake: Source) -> None:
    with lake.open("select 1 as one", kind="test") as session:
        assert [it.to_pylist() for it in session.run(timeout=5, max_write_rows=0)] == [[{"one": 1}]]
        assert session.server_version()


def test_by_name_of_the_bucket(connector: S3Connector) -> None:
    """The bucket's own host is what is resolved, dialled and signed for."""
    asked: list[str] = []

    def resolver(name: str, port: int) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"]

    with object_store(path_style=False) as store:
        (store.bucket() / "people.csv").write_text("id\n7\n")
        it = S3Connector(NetworkPolicy(allow_loopback=True, resolver=resolver), Workers(0))
        config = store.config(host="localhost", url_style="vhost")
        assert of(it, config).value("select id from people", "people") == 7
    assert asked == ["lake.localhost"]


# --- who may ---------------------------------------------------------------------------------


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
def test_refusals(
    connector: S3Connector, store: ObjectStore, change: dict[str, Any], code: str, kind: Any
) -> None:
    source = of(connector, store.config(**change))
    with (
        source.open("select 1", "people", kind=kind) as session,
        pytest.raises(SourceFailed) as caught,
    ):
        if kind == "browse":
            session.tables(None)
        else:
            session.run(timeout=10, max_write_rows=0)
    assert caught.value.code == code
    assert store.secret not in caught.value.message
    if code == "sign_in_failed":
        assert caught.value.message == "The store refused the access key or its secret."


def test_tls_is_verified(connector: S3Connector) -> None:
    with object_store(tls=True) as store:
        (store.bucket() / "people.csv").write_text("id\n7\n")
        assert of(connector, store.config()).value("select id from people", "people") == 7
        for change in ({"root_certificate": None}, {"host": "127.0.0.1"}):
            assert failure(of(connector, store.config(**change))).code == "tls_failed"
        assert failure(of(connector, store.config(tls=False))).code == "unreachable"


def test_session_token_is_sent_and_signed(connector: S3Connector) -> None:
    with scripted(listing(("people.csv", b"id\n7\n"))) as fake:
        source = of(connector, fake.config(session_token="temporary"))
        assert source.value("select id from people", "people") == 7
    assert {request["x-amz-security-token"] for request in fake.requests} == {"temporary"}
    for request in fake.requests:
        assert "x-amz-security-token" in request["Authorization"]
        assert fake.secret not in str(dict(request.items()))


def test_public_bucket_is_read_unsigned(connector: S3Connector) -> None:
    with scripted(listing(("people.csv", b"id\n7\n"))) as fake:
        config = fake.config(access_key_id=None, secret_access_key=None)
        assert of(connector, config).value("select id from people", "people") == 7
    assert not any("Authorization" in request for request in fake.requests)


def test_signature() -> None:
    """The example in "Signature Calculations for the Authorization Header" of Amazon's S3 API."""
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
def test_bad_configuration(store: ObjectStore, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        S3Config.model_validate(store.config(**change))
    assert store.secret not in str(caught.value.errors(include_input=False))


def test_a_kept_secret_goes_nowhere_else(connector: S3Connector, store: ObjectStore) -> None:
    def leads(**change: Any) -> object:
        return connector.destination(S3Config.model_validate(store.config(**change)))

    for change in (
        {"host": "evil.example.org"},
        {"port": 1},
        {"tls": True},
        {"bucket": "other"},
        {"url_style": "vhost"},
    ):
        assert leads(**change) != leads()
    assert leads(prefix="deep", region="eu-1", access_key_id="other") == leads()
    assert "secret" not in str(leads())
    # The usual port, written or not, is one place.
    assert leads(port=None) == leads(port=80)


def test_an_address_has_no_bucket_before_it(connector: S3Connector, store: ObjectStore) -> None:
    config = S3Config.model_validate(store.config(url_style="vhost"))
    with pytest.raises(Unprocessable) as caught:
        connector.check(config)
    assert caught.value.details == {"field": "url_style"}


# --- where it goes -----------------------------------------------------------------------------


def test_addresses_are_checked(store: ObjectStore) -> None:
    for policy, host in (
        (NetworkPolicy(allow_loopback=False), "127.0.0.1"),
        (NetworkPolicy(), "169.254.169.254"),
        (NetworkPolicy(resolver=lambda name, port: ["169.254.169.254"]), "s3.example.org"),
    ):
        it = S3Connector(policy, Workers(0))
        source = of(it, store.config(host=host))
        for attempt in (
            lambda source=source: source.connector.check(source.target.config),
            lambda source=source: source.open("select 1"),
        ):
            with pytest.raises(Unprocessable) as caught:
                attempt()
            assert caught.value.code == "address_not_allowed"


def test_the_checked_address_is_dialled(store: ObjectStore) -> None:
    """A name that leads elsewhere after the check is not asked again, in the whole session."""
    answers: list[str] = []

    def resolver(name: str, port: int) -> list[str]:
        answers.append(name)
        return ["127.0.0.1"] if len(answers) == 1 else ["127.0.0.2"]

    policy = NetworkPolicy(allow_loopback=True, resolver=resolver)
    it = S3Connector(policy, Workers(0))
    source = of(it, store.config(host="rebind.example.org"))
    assert source.value("select count(*) from big", "big") == ROWS
    assert answers == ["rebind.example.org"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("at", ["listing", "object"])
def test_redirects_are_not_followed(connector: S3Connector, status: int, at: str) -> None:
    with scripted(listing(("secret.csv", b"word\nkanari\n"))) as elsewhere:

        def redirect(request: Request) -> Reply:
            head = {"Location": f"http://127.0.0.1:{elsewhere.port}{request.path}"}
            if at == "object" and "list-type" in request.path:
                return listing(("people.csv", b"id\n7\n"))(request)
            return Reply(status, b"", head)

        with scripted(redirect) as fake:
            error = failure(of(connector, fake.config()))
    assert (type(error), error.code) == (SourceFailed, "redirected")
    assert elsewhere.requests == []
    assert fake.requests


# --- what the process can do -------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "from read_csv('s3://other/secret.csv')",
        "from 's3://lake/people.csv'",
        "from 'http://127.0.0.1:{port}/other/secret.csv'",
        "from read_text('/etc/passwd')",
        "from glob('s3://other/*')",
        "select * from '{root}/other/secret.csv'",
        "create secret (type s3, key_id 'a', secret 'b')",
        "set s3_endpoint = '127.0.0.1:{port}'",
        "set http_proxy = '127.0.0.1:{port}'",
        "copy people to 's3://lake/new.csv'",
        "attach 'http://127.0.0.1:{port}/lake/x.db'",
        "select 1; select 2",
    ],
)
def test_refused_by_the_process(lake: Source, store: ObjectStore, sql: str) -> None:
    before = sorted(path.name for path in store.bucket().iterdir())
    error = failure(lake, sql.format(port=store.port, root=store.folder), "people")
    assert error.code in ("source_refused", "source_failed", "bad_statement", "bad_value")
    assert "kanari" not in error.message
    assert sorted(path.name for path in store.bucket().iterdir()) == before


def test_process_holds_no_secret(lake: Source, store: ObjectStore) -> None:
    secret = forms(store.secret)
    # What is looked for is found where it is.
    assert search_memory(os.getpid(), secret)
    with lake.open("select b.s, c.i from big b, big c", "big") as session:
        next(iter(session.run(timeout=60, max_write_rows=0)))
        process = psutil.Process(session._worker.process.pid)  # type: ignore[attr-defined]
        assert search_memory(process.pid, secret) == set()
        assert store.secret not in " ".join(process.cmdline())
        assert sorted(process.environ()) == ["LANG", "PATH"]
        connected = {it.raddr.port for it in process.net_connections() if it.raddr}
        assert connected <= {session._gateway.port}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "sql",
    [
        "select current_setting('s3_secret_access_key') as v",
        "select current_setting('s3_access_key_id') as v",
        "select getvariable('s3_secret_access_key') as v",
        "from duckdb_secrets(redact => false)",
        "from which_secret('s3://lake/people.csv', 's3')",
        "select value as v from duckdb_settings() where name like 's3%'",
    ],
)
def test_secrets_are_not_to_be_asked_for(lake: Source, store: ObjectStore, sql: str) -> None:
    """The gate refuses these; without it there is nothing to find."""
    with pytest.raises(Forbidden) as caught:
        analyse(sql, "duckdb")
    assert caught.value.code == "function_not_allowed"
    try:
        said = str(lake.rows(sql, "people"))
    except WorkbenchError as error:
        said = f"{error.message} {error.details}"
    assert store.secret not in said
    assert store.access_key_id not in said


def test_kernel_lets_one_port_through() -> None:
    """Where the kernel has Landlock for the network, the process reaches its gateway alone."""
    script = textwrap.dedent(
        """
        import ctypes, runpy, socket, sys
        names = runpy.run_path(sys.argv[1])
        has = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
        servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        ports = [it.getsockname()[1] for it in servers]
        names["_confine"]([], ports[0])
        reached = []
        for port in ports:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                reached.append(ports.index(port))
            except PermissionError:
                pass
        print(has, reached)
        """
    )
    command = [sys.executable, "-c", script, str(duckdb_worker.__file__)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    version, reached = done.stdout.strip().split(" ", 1)
    assert reached == ("[0]" if int(version) >= 4 else "[0, 1]")


# --- the gateway -------------------------------------------------------------------------------


@pytest.fixture
def gateway(lake: Source, store: ObjectStore) -> Iterator[Gateway]:
    with lake.open("select 1") as session:
        found = session._store.objects("", seconds=10)  # type: ignore[attr-defined]
        people = next(it for it in found if it.key == "people.csv")
        it = Gateway(session._store, [people], ["people.csv"])  # type: ignore[attr-defined]
        yield it
        it.close()


def get(address: str, **headers: str) -> httpx.Response:
    return httpx.get(address, headers=headers, trust_env=False)


def test_gateway_gives_ranges(gateway: Gateway, store: ObjectStore) -> None:
    whole = (store.bucket() / "people.csv").read_bytes()
    size = len(whole)
    answer = get(gateway.address(0))
    assert (answer.status_code, answer.content) == (200, whole)
    for asked, want in (("3-5", whole[3:6]), ("3-", whole[3:]), ("-4", whole[-4:]),
                        (f"0-{size * 2}", whole), (f"0-{size - 1}", whole)):  # fmt: skip
        answer = get(gateway.address(0), Range=f"bytes={asked}")
        assert (answer.status_code, answer.content) == (206, want), asked
        assert answer.headers["Content-Range"].endswith(f"/{size}")
    for asked in (f"{size}-", "5-3", "-", "x", "0-1,3-4"):
        assert get(gateway.address(0), Range=f"bytes={asked}").status_code == 416
    head = httpx.head(gateway.address(0), trust_env=False)
    assert int(head.headers["Content-Length"]) == size


def test_gateway_knows_its_process_and_its_objects(gateway: Gateway) -> None:
    address = gateway.address(0)
    token = address.split("/")[3]
    base = f"http://127.0.0.1:{gateway.port}"
    for target in (
        "/", "/x", f"/{token[:-1]}x/0/people.csv", f"/{token}", f"/{token}/1/people.csv",
        f"/{token}/-1/people.csv", f"/{token}/²/people.csv", f"/{token}//people.csv",
        "/../../etc/passwd", f"/{token}/../0",
    ):  # fmt: skip
        assert get(base + target).status_code == 404, target
    for method in ("PUT", "POST", "DELETE", "CONNECT", "OPTIONS"):
        answer = httpx.request(method, address, trust_env=False)
        assert answer.status_code == 501, method
    # The number counts, whatever comes after it.
    assert get(f"{base}/{token}/0/other/secret.csv").text.startswith("id,name")


def test_gateway_ends_with_its_statement(lake: Source) -> None:
    before = threading.active_count()
    with lake.open("select * from big", "big") as session:
        next(iter(session.run(timeout=30, max_write_rows=0)))
        address = session._gateway.address(0)  # type: ignore[attr-defined]
        assert httpx.head(address, trust_env=False).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.head(address, trust_env=False)
    wait_for(lambda: threading.active_count() <= before)


# --- stopping ----------------------------------------------------------------------------------


def test_cancel_in_mid_stream(lake: Source) -> None:
    with lake.open("select b.s, c.i from big b, big c", "big") as session:
        batches = iter(session.run(timeout=60, max_write_rows=0))
        next(batches)
        session.cancel()
        with pytest.raises(Conflict) as caught:
            for _ in batches:
                pass
        assert caught.value.code == "cancelled"
        worker = session._worker  # type: ignore[attr-defined]
        assert worker.process.wait(10) == -signal.SIGKILL


def test_cancel_while_listing(connector: S3Connector) -> None:
    """A store that says nothing doesn't hold up a cancel."""
    release = threading.Event()
    with scripted(lambda request: release.wait(60) and None) as fake:
        session = of(connector, fake.config()).open("select * from people", "people")
        timer = threading.Thread(target=lambda: (wait_for(lambda: fake.requests), session.cancel()))
        timer.start()
        with pytest.raises(Conflict) as caught:
            session.run(timeout=60, max_write_rows=0)
        timer.join()
        session.close()
        release.set()
    assert caught.value.code == "cancelled"


def test_listing_has_a_time_limit(connector: S3Connector) -> None:
    release = threading.Event()
    with scripted(lambda request: release.wait(60) and None) as fake:
        with pytest.raises(SourceTimeout):
            of(connector, fake.config()).table("select * from people", "people", timeout=0.3)
        release.set()


def test_hanging_object_has_a_time_limit(connector: S3Connector) -> None:
    release = threading.Event()
    people = listing(("people.csv", b"id\n7\n"))

    def answer(request: Request) -> Reply | None:
        if "list-type" in request.path:
            return people(request)
        release.wait(60)
        return None

    with scripted(answer) as fake:
        with pytest.raises(SourceTimeout):
            of(connector, fake.config()).table("select * from people", "people", timeout=2)
        release.set()


# --- stores that misbehave ---------------------------------------------------------------------

Request = BaseHTTPRequestHandler
Answer = Callable[[Request], "Reply | None"]


class Reply:
    """What a scripted store answers."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = headers or {}


class Scripted:
    """A store that answers by a function, and notes what it was asked."""

    secret = "scripted-secret"

    def __init__(self, port: int) -> None:
        self.port = port
        self.requests: list[Any] = []

    def config(self, **changes: Any) -> dict[str, Any]:
        return {
            "host": "127.0.0.1", "port": self.port, "tls": False, "bucket": "lake",
            "access_key_id": "key", "secret_access_key": self.secret, **changes,
        }  # fmt: skip


@contextmanager
def scripted(answer: Answer) -> Iterator[Scripted]:
    """A scripted store for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            fake.requests.append(self.headers)
            reply = answer(self)
            if reply is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake = Scripted(server.server_address[1])
    runner = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    runner.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        runner.join()


def page(*entries: tuple[str, int], token: str | None = None, etag: str = "one") -> Reply:
    """A page of a listing."""
    contents = "".join(
        f'<Contents><Key>{key}</Key><Size>{size}</Size><ETag>"{etag}"</ETag></Contents>'
        for key, size in entries
    )
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    body = (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<IsTruncated>{'true' if token else 'false'}</IsTruncated>{more}{contents}"
        "</ListBucketResult>"
    )
    return Reply(200, body.encode())


def listing(*objects: tuple[str, bytes]) -> Answer:
    """A store that does what it should, with these objects."""

    def answer(request: Request) -> Reply:
        if "list-type" in request.path:
            return page(*((key, len(body)) for key, body in objects))
        body = dict(objects)[request.path.removeprefix("/lake/")]
        asked = request.headers.get("Range")
        if asked is None:
            return Reply(200, body, {"ETag": '"one"'})
        first, last = (int(it) for it in asked.removeprefix("bytes=").split("-"))
        part = f"bytes {first}-{last}/{len(body)}"
        return Reply(206, body[first : last + 1], {"ETag": '"one"', "Content-Range": part})

    return answer


def instead(reply: Callable[[Request], Reply | None]) -> Answer:
    """A good listing, and something else for the object."""
    good = listing(("people.csv", b"id\n" + b"7\n" * 5000))

    def answer(request: Request) -> Reply | None:
        return good(request) if "list-type" in request.path else reply(request)

    return answer


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (lambda request: Reply(404, b""), "source_changed"),
        (lambda request: Reply(403, b"<Error><Code>AccessDenied</Code></Error>"), "source_refused"),
        (lambda request: Reply(403, b"<Error><Code>ExpiredToken</Code></Error>"), "sign_in_failed"),
        (lambda request: Reply(200, b"id\n" + b"8\n" * 5000, {"ETag": '"two"'}), "source_changed"),
        (lambda request: Reply(200, b"id\n8\n"), "source_changed"),
        (lambda request: Reply(500, b""), "source_failed"),
        (lambda request: None, "unreachable"),
        # Fewer bytes than it says, then the end.
        (
            lambda request: (
                setattr(request, "close_connection", True),
                Reply(200, b"id\n7\n", {"Content-Length": "10003"}),
            )[1],
            "unreachable",
        ),
    ],
    ids=["gone", "denied", "expired", "changed", "shorter", "failed", "hung-up", "cut"],
)
def test_objects_that_fail(
    connector: S3Connector, reply: Callable[[Request], Reply | None], code: str
) -> None:
    with scripted(instead(reply)) as fake:
        error = failure(of(connector, fake.config()))
    assert error.code == code, error.message
    assert "127.0.0.1" not in error.message or code == "unreachable"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(200, b"<html>hello</html>"), "unreachable"),
        (Reply(200, b"not XML"), "unreachable"),
        (Reply(200, b"<!DOCTYPE a [<!ENTITY b 'c'>]><ListBucketResult/>"), "unreachable"),
        (Reply(200, b"<ListBucketResult>" + b" " * (9 << 20)), "unreachable"),
        (Reply(200, b"<ListBucketResult><Contents><Key>a.csv</Key><Size>-1</Size></Contents>"
                    b"</ListBucketResult>"), "unreachable"),
        (Reply(400, b"Client sent an HTTP request to an HTTPS server."), "unreachable"),
        (Reply(400, b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-1</Region>"
                    b"</Error>"), "wrong_region"),
        (Reply(403, b"<Error><Code>RequestTimeTooSkewed</Code></Error>"), "clock_differs"),
        (Reply(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"), "sign_in_failed"),
        (Reply(403, b"<Error><Code>AccessDenied</Code></Error>"), "source_refused"),
        (Reply(404, b"<Error><Code>NoSuchBucket</Code></Error>"), "unknown_bucket"),
        (Reply(503, b"<Error><Code>SlowDown</Code></Error>"), "source_busy"),
        (Reply(500, b""), "source_failed"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)  # fmt: skip
def test_listings_that_fail(connector: S3Connector, reply: Reply, code: str) -> None:
    with scripted(lambda request: reply) as fake:
        error = failure(of(connector, fake.config()))
    assert error.code == code
    assert error.message.endswith(".")


def test_listing_is_bounded(connector: S3Connector) -> None:
    """A listing without an end is given up, and one with many data objects too."""
    names = iter(range(10**9))

    def endless(ending: str) -> Answer:
        return lambda request: page(
            *((f"x{next(names)}{ending}", 1) for _ in range(1000)), token="more"
        )

    for ending in (".txt", ".csv"):
        with scripted(endless(ending)) as fake, pytest.raises(TooLarge) as caught:
            of(connector, fake.config()).table("select * from x1", "x1")
        assert caught.value.code == "too_many_files"
        assert len(fake.requests) <= s3_client.MAX_KEYS / 1000


def test_pages_are_joined(connector: S3Connector) -> None:
    def answer(request: Request) -> Reply:
        if "continuation-token=a%2Fb%2B" in request.path:
            return page(("two.csv", 3))
        return page(("one.csv", 3), token="a/b+")

    with scripted(answer) as fake, of(connector, fake.config()).open(kind="browse") as session:
        assert [table.name for table in session.tables(None)] == ["one", "two"]


def test_closed_connections_are_opened_again(connector: S3Connector) -> None:
    """A store may close a kept connection at any time."""
    good = listing(("people.csv", b"id\n7\n"), ("more.csv", b"id\n8\n"))

    def answer(request: Request) -> Reply | None:
        request.close_connection = True  # without saying so
        return good(request)

    with scripted(answer) as fake:
        source = of(connector, fake.config())
        sql = "select sum(p.id + m.id) from people p, more m"
        assert source.value(sql, "people", "more") == 15


def test_writes_nothing(lake: Source) -> None:
    session = lake.open("insert into people values (1)", "people", kind="write")
    with session, pytest.raises(Forbidden):
        session.run(timeout=5, max_write_rows=0)


def test_extension_is_duckdbs_own(connector: S3Connector) -> None:
    """It loads where unsigned extensions are refused, which is the default, for this version."""
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as database:
        row = database.execute("select current_setting('allow_unsigned_extensions')").fetchone()
        assert row == (False,)
        database.execute(f"load '{connector._extension}'")


def test_no_tls_below_1_2(store: ObjectStore, connector: S3Connector) -> None:
    source = of(connector, store.config(tls=True))
    with source.open("select 1") as session:
        context = session._store.place.context  # type: ignore[attr-defined]
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
