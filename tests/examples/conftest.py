"""The sample data, generated once for all tests of the examples."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import duckdb
import pyarrow as pa
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="session")
def generate() -> ModuleType:
    """The generator, loaded from its file, as without the repository on ``sys.path``."""
    spec = importlib.util.spec_from_file_location(
        "sample_generate", EXAMPLES / "sample" / "generate.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tables(generate: ModuleType) -> dict[str, pa.Table]:
    """All tables at scale 1."""
    made: dict[str, pa.Table] = generate.generate()
    return made


@pytest.fixture(scope="session")
def folder(
    generate: ModuleType, tables: dict[str, pa.Table], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder with their Parquet files."""
    path = tmp_path_factory.mktemp("sample")
    generate.write(tables, path)
    return path


@pytest.fixture(scope="session")
def warehouse(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with a view of each file, so that rules are checked on the files as written."""
    with duckdb.connect() as connection:
        for path in sorted(folder.glob("*.parquet")):
            connection.execute(f"CREATE VIEW {path.stem} AS FROM '{path}'")
        yield connection
