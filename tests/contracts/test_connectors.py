"""The contract that every connector fulfils, run on each of them: ``support.connector_cases``."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator

import pyarrow as pa
import pytest
from pydantic import SecretStr, ValidationError
from support.connector_cases import CASES, SERVERS, Case
from support.source import Rows, make_load_permit, make_permit

from wb_server.connectors.base import Connector, ConnectorConfig
from wb_server.gate.dialects.spelling import SPELLINGS
from wb_server.gate.loads import TableName
from wb_server.gate.permits import LoadPermit, PasswordPermit, Permit
from wb_server.gate.seal import SEAL
from wb_server.kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    SourceTimeout,
    Unprocessable,
    WorkbenchError,
)

pytestmark = pytest.mark.slow


@pytest.fixture(
    scope="module",
    params=[pytest.param(it, marks=pytest.mark.slow) if it in SERVERS else it for it in CASES],
)
def lasting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Case]:
    """A case whose connector, with its processes, serves all tests, as it does a service."""
    yield from CASES[request.param](request, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def case(lasting: Case) -> Case:
    """The case, with its three people."""
    lasting.reset()
    return lasting


def test_every_connector_has_a_case() -> None:
    found, kinds = [*Connector.__subclasses__()], set()
    for connector in found:
        found += connector.__subclasses__()
        # An API has no SQL and no tables: ``tests/server/connectors/test_http_api.py`` is its own.
        if not inspect.isabstract(connector) and "sql" in connector.capabilities():
            kinds.add(connector.kind)
    assert kinds == set(CASES)


# --- declaration -----------------------------------------------------------------------------


def test_declaration_is_complete(case: Case) -> None:
    connector = case.source.connector
    assert connector.kind.isidentifier()
    assert connector.title
    assert connector.description.endswith(".")
    assert isinstance(connector.supports_writes, bool)
    assert connector.dialect in SPELLINGS
    assert ("load" in connector.capabilities()) == connector.supports_loads
    if connector.supports_loads:
        assert type(connector).column_types is not Connector.column_types
    assert issubclass(connector.Config, ConnectorConfig)


def test_configuration_describes_a_form(case: Case) -> None:
    """Each field has a title, secrets are marked, and a typo is an error."""
    config = case.source.connector.Config
    schema = config.model_json_schema()
    assert schema["additionalProperties"] is False
    for name, field in schema["properties"].items():
        assert field.get("title") or "$ref" in field, name
    for name in config.secret_fields():
        assert "writeOnly" in str(schema["properties"][name])
    with pytest.raises(ValidationError):
        config.model_validate({**case.source.target.config.model_dump(), "typo": 1})


def test_secrets_are_not_in_the_repr(case: Case) -> None:
    config = case.source.target.config
    for name in config.secret_fields():
        secret = getattr(config, name)
        assert isinstance(secret, SecretStr)
        assert secret.get_secret_value() not in repr(case.source.target)
        assert secret.get_secret_value() not in repr(config)


def test_check_accepts_a_valid_configuration(case: Case) -> None:
    case.source.connector.check(case.source.target.config)


# --- permits ---------------------------------------------------------------------------------


def test_no_permit_without_the_gate(case: Case) -> None:
    with pytest.raises(TypeError):
        Permit("q", "ana", "c1", "read", "select 1")
    with pytest.raises(TypeError):
        PasswordPermit("c1")


def test_setting_a_password_needs_the_connections_own_permit(case: Case) -> None:
    """A connector sets only the password of the permit's connection, or reports that it can't."""
    connector, target = case.source.connector, case.source.target
    fields = connector.login_and_password
    if fields is None:
        with pytest.raises(Unprocessable) as refused:
            connector.set_password(PasswordPermit("c1", seal=SEAL), target, "new")
        assert refused.value.code == "no_password_rotation"
        return
    login, password = fields
    assert {login, password} <= set(connector.Config.login_fields())
    assert password in connector.Config.secret_fields()
    with pytest.raises(Forbidden):
        connector.set_password(PasswordPermit("c2", seal=SEAL), target, "new")


def test_permit_is_for_one_connection(case: Case) -> None:
    with pytest.raises(Forbidden):
        case.source.connector.open(make_permit("select 1", connection_id="c2"), case.source.target)


def test_permit_is_for_one_kind_of_use(case: Case) -> None:
    with case.source.open(kind="browse") as session, pytest.raises(Forbidden):
        session.run(timeout=5, max_write_rows=0)
    with case.source.open("select 1") as session, pytest.raises(Forbidden):
        session.tables(None)


# --- reading ---------------------------------------------------------------------------------


def test_reads(case: Case) -> None:
    rows = case.source.rows("select id, name from people order by id", "people")
    assert rows == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 3, "name": "c"}]


def test_empty_answer_has_its_schema(case: Case) -> None:
    table = case.source.table("select id, name from people where id > 9", "people")
    assert table.schema.names == ["id", "name"]
    assert table.num_rows == 0


def test_streams_batches(case: Case) -> None:
    with case.source.open(case.many) as session:
        answer = session.run(timeout=30, max_write_rows=0)
        assert isinstance(answer.schema, pa.Schema)
        sizes = []
        for batch in answer:
            assert batch.schema.equals(answer.schema)
            assert batch.nbytes < 4 << 20
            sizes.append(batch.num_rows)
    assert sum(sizes) == 300_000
    assert len(sizes) > 1
    assert min(sizes) > 0


def test_plain_arrow_types(case: Case) -> None:
    """No extension or dictionary types, so every Arrow reader understands the answer."""
    table = case.source.table(
        "select 1 as i, 'a' as s, true as b, 1.5 as d, date '2020-01-01' as day, null as n"
    )
    for kind in table.schema.types:
        assert not isinstance(kind, (pa.BaseExtensionType, pa.DictionaryType))
    assert str(table.column("d")[0].as_py()) == "1.5"


def test_test_permit_runs(case: Case) -> None:
    with case.source.open("select 1 as one", kind="test") as session:
        assert [b.to_pylist() for b in session.run(timeout=5, max_write_rows=0)] == [[{"one": 1}]]
        assert session.server_version()


@pytest.mark.parametrize(
    ("sql", "code", "name"),
    [
        ("select * from nowhere", "unknown_table", "nowhere"),
        ("select nope from people", "unknown_column", "nope"),
        ("select 1 +", "syntax_error", None),
        ("", "bad_value", None),
    ],
)
def test_statement_errors(case: Case, sql: str, code: str, name: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        case.source.table(sql or case.bad_value, "people")
    assert caught.value.code == code
    assert caught.value.details.get("name") == name
    assert caught.value.message[0].isupper()
    assert caught.value.message.endswith((".", "?"))
    assert "\n" not in caught.value.message


def test_only_one_statement(case: Case) -> None:
    with pytest.raises(WorkbenchError):
        case.source.table("select 1; select 2")


def test_reads_do_not_write(case: Case) -> None:
    for sql in ("delete from people", "create table x (i int)", "drop table people"):
        with pytest.raises(WorkbenchError):
            case.source.table(sql, "people")
    assert case.source.value("select count(*) from people", "people") == 3


def test_writes_only_if_declared(case: Case) -> None:
    insert = "insert into people values (4, 'd')"
    if case.source.connector.supports_writes:
        assert case.source.rows(insert, "people", kind="write") == [{"rows_affected": 1}]
        assert case.source.value("select count(*) from people", "people") == 4
    else:
        with pytest.raises(Forbidden):
            case.source.table(insert, "people", kind="write")


# --- loading ---------------------------------------------------------------------------------


def more_people() -> pa.Table:
    return pa.table({"id": pa.array([3, 4], pa.int32()), "name": ["z", None]})


def people(case: Case) -> list[tuple[int, str | None]]:
    rows = case.source.rows("select id, name from people order by id", "people")
    return [(row["id"], row["name"]) for row in rows]


def test_loads_only_if_declared(case: Case) -> None:
    if not case.source.connector.supports_loads:
        with pytest.raises(Forbidden) as refused:
            case.source.load("people", more_people())
        assert refused.value.code == "read_only_connection"
        return
    assert case.source.connector.supports_writes
    done = case.source.load("people", more_people())
    assert (done.rows, done.already) == (2, False)
    assert people(case) == [(1, "a"), (2, "b"), (3, "c"), (3, "z"), (4, None)]
    case.source.load(f"{case.schema}.people", more_people(), "replace")
    assert people(case) == [(3, "z"), (4, None)]


def test_loads_all_or_nothing(case: Case) -> None:
    if not case.source.connector.supports_loads:
        return

    def cut_off() -> Iterator[pa.RecordBatch]:
        yield from more_people().to_batches()
        raise InvalidInput("no more", code="cut_off")

    reader = pa.RecordBatchReader.from_batches(more_people().schema, more_people().to_batches())
    for mode in ("append", "replace"):
        with pytest.raises(WorkbenchError) as refused:
            case.source.load("people", Rows(more_people().schema, cut_off()), mode)
        assert refused.value.code == "cut_off"
        with pytest.raises(InvalidInput) as wrong:
            case.source.load("people", pa.table({"id": [1], "nope": [2]}), mode)
        assert wrong.value.code == "unknown_column"
        assert wrong.value.details["columns"] == ["nope"]
    assert people(case) == [(1, "a"), (2, "b"), (3, "c")]
    assert case.source.load("people", reader).rows == 2


def test_loads_once(case: Case) -> None:
    if not case.source.connector.supports_loads:
        return
    first = case.source.load("people", more_people(), once="once-1")
    again = case.source.load("people", Rows(more_people().schema, iter([])), once="once-1")
    assert (first.rows, first.already, again.rows, again.already) == (2, False, 2, True)
    other = case.source.load("people", more_people(), once="once-2")
    assert not other.already
    assert len(people(case)) == 7
    for _ in range(2):
        answer = case.source.write_once("delete from people where id = 3", "once-3", "people")
        assert [batch.to_pylist() for batch in answer] == [[{"rows_affected": 3}]]
    assert answer.already
    assert len(people(case)) == 4


def test_load_permits(case: Case) -> None:
    """Only the gate makes a load permit, and it opens one connection."""
    with pytest.raises(TypeError):
        LoadPermit("q", "ana", "c1", TableName(None, "people"), "append")
    if case.source.connector.supports_loads:
        with pytest.raises(Forbidden):
            case.source.connector.open_load(
                make_load_permit("people", connection_id="c2"), case.source.target
            )


def test_load_cancel_at_any_time(case: Case) -> None:
    if not case.source.connector.supports_loads:
        return
    session = case.source.open_load("people")

    def stopped() -> Iterator[pa.RecordBatch]:
        yield from more_people().to_batches()
        session.cancel()
        yield from more_people().to_batches()

    with session, pytest.raises(Conflict) as caught:
        session.load(Rows(more_people().schema, stopped()), timeout=30, progress=lambda rows: None)
    assert caught.value.code == "cancelled"
    session.close()
    session.cancel()
    with case.source.open_load("people") as late:
        late.cancel()
        with pytest.raises(Conflict):
            late.load(more_people().to_reader(), timeout=30, progress=lambda rows: None)
    assert len(people(case)) == 3


# --- stopping --------------------------------------------------------------------------------


def test_timeout(case: Case) -> None:
    with pytest.raises(SourceTimeout) as caught:
        case.source.table(case.endless, timeout=0.5)
    assert caught.value.code == "timeout"
    assert case.source.value("select 1") == 1


def test_cancel_from_another_thread(case: Case) -> None:
    with case.source.open(case.endless) as session:
        timer = threading.Timer(0.3, session.cancel)
        timer.start()
        with pytest.raises(Conflict) as caught:
            list(session.run(timeout=60, max_write_rows=0))
        timer.join()
    assert caught.value.code == "cancelled"


def test_cancel_at_any_time(case: Case) -> None:
    session = case.source.open(case.many)
    session.cancel()
    with pytest.raises(Conflict):
        list(session.run(timeout=5, max_write_rows=0))
    session.cancel()
    session.close()
    session.cancel()
    assert case.source.value("select 1") == 1


def test_close_at_any_time(case: Case) -> None:
    session = case.source.open(case.many)
    session.close()
    session.close()
    with case.source.open(case.many) as session:
        next(iter(session.run(timeout=30, max_write_rows=0)))
    with case.source.open(case.many) as session:
        session.run(timeout=30, max_write_rows=0)
    assert case.source.value("select 1") == 1


def test_many_at_once(case: Case) -> None:
    """Concurrent sessions of one connector are independent: each thread gets its own answer."""
    got: dict[int, object] = {}

    def work(number: int) -> None:
        got[number] = case.source.value(f"select {number} as n")

    workers = [threading.Thread(target=work, args=[number]) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert got == {number: number for number in range(6)}


def test_forget_and_close(case: Case) -> None:
    assert case.source.value("select 1") == 1
    case.source.connector.forget("c1")
    case.source.connector.forget("unknown")
    assert case.source.value("select 1") == 1


# --- browsing --------------------------------------------------------------------------------


def test_browses(case: Case) -> None:
    with case.source.open(kind="browse") as session:
        assert case.schema in {schema.name for schema in session.schemas()}
        for schema in (case.schema, None):
            found = [table for table in session.tables(schema) if table.name == "people"]
            assert [table.schema_ for table in found] == [case.schema]
            columns = session.columns(schema, "people")
            assert [column.name for column in columns] == ["id", "name"]
            assert all(column.type for column in columns)
        assert session.tables("no_such_schema") == []
        with pytest.raises(NotFound):
            session.columns(case.schema, "no_such_table")


def test_searches_and_defines(case: Case) -> None:
    with case.source.open(kind="browse") as session:
        found = session.search("EOPL", 500)
        assert (case.schema, "people", None) in {(it.schema_, it.table, it.column) for it in found}
        found = session.search("ame", 500)
        assert (case.schema, "people", "name") in {
            (it.schema_, it.table, it.column) for it in found
        }
        assert len(session.search("a", 1)) == 1
        for text in ("no such name", "%", "' or ''='"):
            assert session.search(text, 500) == []
        definition = session.definition(case.schema, "people")
        assert definition.ddl is not None
        assert "people" in definition.ddl and "name" in definition.ddl
        with pytest.raises(NotFound):
            session.definition(case.schema, "no_such_table")


def test_names_are_not_sql(case: Case) -> None:
    with case.source.open(kind="browse") as session:
        for name in ("people' or '1'='1", 'people"; drop table people; --', "%", ""):
            assert session.tables(name) == []
            with pytest.raises(NotFound):
                session.columns(case.schema, name)
    assert case.source.value("select count(*) from people", "people") == 3
