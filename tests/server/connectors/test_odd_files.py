"""Files as people have them are read rightly, or refused with what to set."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.exported_files import EXPORTS
from support.odd_files import CASES, Case, write
from support.s3 import ObjectStore
from support.source import Source

from wb_server.connectors.base import Target
from wb_server.connectors.embedded.workers import Workers
from wb_server.connectors.files.connector import FilesConfig, FilesConnector
from wb_server.connectors.s3.connector import S3Config, S3Connector
from wb_server.kit.errors import WorkbenchError
from wb_server.kit.network import NetworkPolicy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    folder = tmp_path_factory.mktemp("odd")
    config = FilesConfig.model_validate(
        {"folder": str(folder), "reading": {"patterns": write(folder, [*CASES, *EXPORTS])}}
    )
    workers = Workers(temporary=tmp_path_factory.mktemp("temporary"))
    connector = FilesConnector([folder], workers)
    yield Source(connector, Target("c1", 1, config, temp_bytes=64 << 20))
    connector.close()


@pytest.fixture(scope="module")
def odd_objects(
    s3_store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Source]:
    options = {"patterns": write(s3_store.bucket("odd"))}
    config = S3Config.model_validate(s3_store.config(bucket="odd", reading=options))
    workers = Workers(temporary=tmp_path_factory.mktemp("temporary"))
    connector = S3Connector(NetworkPolicy(allow_loopback=True), workers)
    yield Source(connector, Target("c1", 1, config, temp_bytes=64 << 20))
    connector.close()


@pytest.mark.parametrize("case", [*CASES, *EXPORTS], ids=lambda case: case.name)
def test_an_odd_file_is_read_or_refused(odd: Source, case: Case) -> None:
    require(odd, case)


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if case.name
        in (
            "utf16_le.csv", "windows.csv", "windows_unsaid.csv", "windows_gz.csv.gz", "cut.csv.gz",
            "late_latin.csv", "ragged.csv", "by_sheet.xlsx", "error.xlsx", "really_csv.parquet",
            "marked.json",
        )
    ],
    ids=lambda case: case.name,
)  # fmt: skip
def test_an_odd_object_is_read_or_refused(odd_objects: Source, case: Case) -> None:
    require(odd_objects, case)


def require(source: Source, case: Case) -> None:
    """A file is read as the case says, or refused."""
    sql = case.sql.format(case.asked)
    if case.rows is not None:
        found = source.table(sql, case.asked)
        rows = list(zip(*(column.to_pylist() for column in found.columns), strict=True))
        assert rows == list(case.rows)
        for row, wanted in zip(rows, case.rows, strict=True):
            assert list(map(type, row)) == list(map(type, wanted))
        return
    with pytest.raises(WorkbenchError) as caught:
        source.table(sql, case.asked)
    error = caught.value
    assert error.status < 500, error
    for part in case.says:
        assert part in error.message
    assert (case.details or {}).items() <= error.details.items()
