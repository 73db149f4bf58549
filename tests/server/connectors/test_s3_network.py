"""Where the S3 connector goes, what its processes can do, and stores that misbehave."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator

import httpx
import psutil
import pytest
from support.memory import forms, search_memory
from support.s3 import LAKE_ROWS, ObjectStore, failure, of
from support.s3_scripted import Answer, Reply, Request, listing, page, scripted
from support.source import Source
from support.wait import wait_for

from wb_server.connectors.embedded import process as duckdb_worker
from wb_server.connectors.embedded.workers import Workers
from wb_server.connectors.s3 import client as s3_client
from wb_server.connectors.s3.connector import S3Connector
from wb_server.connectors.s3.gateway import Gateway
from wb_server.gate.statement import analyse
from wb_server.kit.errors import (
    Conflict,
    Forbidden,
    SourceFailed,
    SourceTimeout,
    TooLarge,
    Unprocessable,
    WorkbenchError,
)
from wb_server.kit.forking import ENVIRONMENT
from wb_server.kit.network import NetworkPolicy

pytestmark = pytest.mark.slow

# --- where it goes -----------------------------------------------------------------------------


def test_addresses_are_checked(s3_store: ObjectStore, workers: Workers) -> None:
    for policy, host in (
        (NetworkPolicy(allow_loopback=False), "127.0.0.1"),
        (NetworkPolicy(), "169.254.169.254"),
        (NetworkPolicy(resolver=lambda name, port: ["169.254.169.254"]), "s3.example.org"),
    ):
        it = S3Connector(policy, workers)
        source = of(it, s3_store.config(host=host))
        for attempt in (
            lambda source=source: source.connector.check(source.target.config),
            lambda source=source: source.open("select 1"),
        ):
            with pytest.raises(Unprocessable) as caught:
                attempt()
            assert caught.value.code == "address_not_allowed"


def test_the_checked_address_is_dialled(s3_store: ObjectStore, workers: Workers) -> None:
    """A name is resolved once in the whole session, so it can't lead elsewhere after the check."""
    answers: list[str] = []

    def resolver(name: str, port: int) -> list[str]:
        answers.append(name)
        return ["127.0.0.1"] if len(answers) == 1 else ["127.0.0.2"]

    policy = NetworkPolicy(allow_loopback=True, resolver=resolver)
    it = S3Connector(policy, workers)
    source = of(it, s3_store.config(host="rebind.example.org"))
    assert source.value("select count(*) from big", "big") == LAKE_ROWS
    assert answers == ["rebind.example.org"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("at", ["listing", "object"])
def test_redirects_are_not_followed(s3_connector: S3Connector, status: int, at: str) -> None:
    with scripted(listing(("secret.csv", b"word\nkanari\n"))) as elsewhere:

        def redirect(request: Request) -> Reply:
            head = {"Location": f"http://127.0.0.1:{elsewhere.port}{request.path}"}
            if at == "object" and "list-type" in request.path:
                return listing(("people.csv", b"id\n7\n"))(request)
            return Reply(status, b"", head)

        with scripted(redirect) as fake:
            error = failure(of(s3_connector, fake.config()))
    assert (type(error), error.code) == (SourceFailed, "redirected")
    assert elsewhere.requests == []
    assert fake.requests


# --- what the process can reach ----------------------------------------------------------------


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
def test_the_process_refuses_writes_settings_and_other_objects(
    lake: Source, s3_store: ObjectStore, sql: str
) -> None:
    before = sorted(path.name for path in s3_store.bucket().iterdir())
    error = failure(lake, sql.format(port=s3_store.port, root=s3_store.folder), "people")
    assert error.code in ("source_refused", "source_failed", "bad_statement", "bad_value")
    assert "kanari" not in error.message
    assert sorted(path.name for path in s3_store.bucket().iterdir()) == before


def test_the_process_holds_no_secret(lake: Source, s3_store: ObjectStore) -> None:
    secret = forms(s3_store.secret)
    # Control: the search finds the secret where it is.
    assert search_memory(os.getpid(), secret)
    with lake.open("select b.s, c.i from big b, big c", "big") as session:
        next(iter(session.run(timeout=60, max_write_rows=0)))
        process = psutil.Process(session._worker.pid)  # type: ignore[attr-defined]
        assert search_memory(process.pid, secret) == set()
        assert s3_store.secret not in " ".join(process.cmdline())
        assert set(process.environ()) == set(ENVIRONMENT)
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
def test_secrets_cannot_be_queried(lake: Source, s3_store: ObjectStore, sql: str) -> None:
    """The gate refuses these; without it there is nothing to find."""
    with pytest.raises(Forbidden) as caught:
        analyse(sql, "duckdb")
    assert caught.value.code == "function_not_allowed"
    try:
        found = str(lake.rows(sql, "people"))
    except WorkbenchError as error:
        found = f"{error.message} {error.details}"
    assert s3_store.secret not in found
    assert s3_store.access_key_id not in found


def test_landlock_allows_only_the_gateways_port() -> None:
    """Where the kernel has Landlock for the network, the process reaches only its gateway."""
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
def gateway(lake: Source, s3_store: ObjectStore) -> Iterator[Gateway]:
    with lake.open("select 1") as session:
        found = session._store.objects("", seconds=10)  # type: ignore[attr-defined]
        people = next(it for it in found if it.key == "people.csv")
        it = Gateway(session._store, [people], ["people.csv"])  # type: ignore[attr-defined]
        yield it
        it.close()


def get(address: str, **headers: str) -> httpx.Response:
    return httpx.get(address, headers=headers, trust_env=False, verify=False)


def test_the_gateway_serves_ranges(gateway: Gateway, s3_store: ObjectStore) -> None:
    whole = (s3_store.bucket() / "people.csv").read_bytes()
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
    head = httpx.head(gateway.address(0), trust_env=False, verify=False)
    assert int(head.headers["Content-Length"]) == size


def test_the_gateway_serves_only_its_process_and_its_objects(gateway: Gateway) -> None:
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
        answer = httpx.request(method, address, trust_env=False, verify=False)
        assert answer.status_code == 501, method
    # Only the number counts, not what follows it.
    assert get(f"{base}/{token}/0/other/secret.csv").text.startswith("id,name")


def test_the_gateway_ends_with_its_statement(lake: Source) -> None:
    before = threading.active_count()
    with lake.open("select * from big", "big") as session:
        next(iter(session.run(timeout=30, max_write_rows=0)))
        address = session._gateway.address(0)  # type: ignore[attr-defined]
        assert httpx.head(address, trust_env=False, verify=False).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.head(address, trust_env=False, verify=False)
    wait_for(lambda: threading.active_count() <= before)


# --- stopping ----------------------------------------------------------------------------------


def test_a_cancel_mid_stream_ends_the_process(lake: Source) -> None:
    with lake.open("select b.s, c.i from big b, big c", "big") as session:
        batches = iter(session.run(timeout=60, max_write_rows=0))
        next(batches)
        session.cancel()
        with pytest.raises(Conflict) as caught:
            for _ in batches:
                pass
        assert caught.value.code == "cancelled"
        worker = session._worker  # type: ignore[attr-defined]
        assert worker.wait(10)


def test_a_listing_can_be_cancelled(s3_connector: S3Connector) -> None:
    """A silent store doesn't delay a cancel."""
    release = threading.Event()
    with scripted(lambda request: release.wait(60) and None) as fake:
        session = of(s3_connector, fake.config()).open("select * from people", "people")
        timer = threading.Thread(target=lambda: (wait_for(lambda: fake.requests), session.cancel()))
        timer.start()
        with pytest.raises(Conflict) as caught:
            session.run(timeout=60, max_write_rows=0)
        timer.join()
        session.close()
        release.set()
    assert caught.value.code == "cancelled"


def test_the_statements_timeout_applies_to_the_listing(s3_connector: S3Connector) -> None:
    release = threading.Event()
    with scripted(lambda request: release.wait(60) and None) as fake:
        with pytest.raises(SourceTimeout):
            of(s3_connector, fake.config()).table("select * from people", "people", timeout=0.3)
        release.set()


def test_the_statements_timeout_applies_to_a_hanging_object(s3_connector: S3Connector) -> None:
    release = threading.Event()
    people = listing(("people.csv", b"id\n7\n"))

    def answer(request: Request) -> Reply | None:
        if "list-type" in request.path:
            return people(request)
        release.wait(60)
        return None

    with scripted(answer) as fake:
        with pytest.raises(SourceTimeout):
            of(s3_connector, fake.config()).table("select * from people", "people", timeout=2)
        release.set()


# --- stores that misbehave ---------------------------------------------------------------------


def good_listing_with(reply: Callable[[Request], Reply | None]) -> Answer:
    """A valid listing, and another reply for the object."""
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
        # Fewer bytes than it announces, then the end.
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
def test_failing_objects_are_reported(
    s3_connector: S3Connector, reply: Callable[[Request], Reply | None], code: str
) -> None:
    with scripted(good_listing_with(reply)) as fake:
        error = failure(of(s3_connector, fake.config()))
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
def test_failing_listings_are_reported(s3_connector: S3Connector, reply: Reply, code: str) -> None:
    with scripted(lambda request: reply) as fake:
        error = failure(of(s3_connector, fake.config()))
    assert error.code == code
    assert error.message.endswith(".")


def test_a_listing_is_bounded(s3_connector: S3Connector) -> None:
    """An endless listing is abandoned, and so is one with too many data objects."""
    names = iter(range(10**9))

    def endless(ending: str) -> Answer:
        return lambda request: page(
            *((f"x{next(names)}{ending}", 1) for _ in range(1000)), token="more"
        )

    for ending in (".txt", ".csv"):
        with scripted(endless(ending)) as fake, pytest.raises(TooLarge) as caught:
            of(s3_connector, fake.config()).table("select * from x1", "x1")
        assert caught.value.code == "too_many_files"
        assert len(fake.requests) <= s3_client.MAX_KEYS / 1000


def test_a_listing_of_empty_pages_is_bounded(
    s3_connector: S3Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty pages are legitimate after many deletions; an endless series of them isn't."""
    monkeypatch.setattr(s3_client, "MAX_PAGES", 30)
    numbers = iter(range(10**9))

    def empty(token: Callable[[], str | None]) -> Answer:
        return lambda request: page(token=token())

    with scripted(empty(lambda: f"t{next(numbers)}")) as fake, pytest.raises(TooLarge) as caught:
        of(s3_connector, fake.config()).table("select * from x1", "x1")
    assert caught.value.code == "too_many_files"
    assert len(fake.requests) == s3_client.MAX_PAGES
    with scripted(empty(lambda: "same")) as fake, pytest.raises(SourceFailed):
        of(s3_connector, fake.config()).table("select * from x1", "x1")
    assert len(fake.requests) == 2

    pages = iter([*(f"t{n}" for n in range(20)), None])

    def late(request: Request) -> Reply:
        token = next(pages)
        return page(token=token) if token else page(("people.csv", 3))

    with scripted(late) as fake, of(s3_connector, fake.config()).open(kind="browse") as session:
        assert [table.name for table in session.tables(None)] == ["people"]


def test_a_listing_has_its_own_time_limit(
    s3_connector: S3Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the statement's timeout, and even if each page comes at once."""
    monkeypatch.setattr(s3_client, "LIST_SECONDS", 0.5)
    monkeypatch.setattr(s3_client, "MAX_PAGES", 10**9)
    numbers = iter(range(10**9))
    with scripted(lambda request: page(token=f"t{next(numbers)}")) as fake:
        with pytest.raises(SourceTimeout) as caught:
            of(s3_connector, fake.config()).table("select * from people", "people", timeout=300)
        assert "0 s" in caught.value.message
        assert len(fake.requests) > 2


def test_an_endless_listing_can_be_cancelled(
    s3_connector: S3Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "MAX_PAGES", 10**9)
    numbers = iter(range(10**9))
    with scripted(lambda request: page(token=f"t{next(numbers)}")) as fake:
        session = of(s3_connector, fake.config()).open("select * from people", "people")
        canceller = threading.Thread(
            target=lambda: (wait_for(lambda: len(fake.requests) > 20), session.cancel())
        )
        canceller.start()
        with pytest.raises(Conflict) as caught:
            session.run(timeout=300, max_write_rows=0)
        canceller.join()
        session.close()
    assert caught.value.code == "cancelled"


def test_pages_are_joined(s3_connector: S3Connector) -> None:
    def answer(request: Request) -> Reply:
        if "continuation-token=a%2Fb%2B" in request.path:
            return page(("two.csv", 3))
        return page(("one.csv", 3), token="a/b+")

    with scripted(answer) as fake, of(s3_connector, fake.config()).open(kind="browse") as session:
        assert [table.name for table in session.tables(None)] == ["one", "two"]


def test_closed_connections_are_reopened(s3_connector: S3Connector) -> None:
    """A store may close a keep-alive connection at any time."""
    good = listing(("people.csv", b"id\n7\n"), ("more.csv", b"id\n8\n"))

    def answer(request: Request) -> Reply | None:
        request.close_connection = True  # without announcing it
        return good(request)

    with scripted(answer) as fake:
        source = of(s3_connector, fake.config())
        sql = "select sum(p.id + m.id) from people p, more m"
        assert source.value(sql, "people", "more") == 15
