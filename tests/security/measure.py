"""Measures how many statements of any files the gate refuses, and lists them.

``measure.py --dialect postgres FILE…`` analyses each statement of the files, split at ``;`` or at
lines ``---``. With ``--run``, each file runs from the first statement to the last on a server started
for it. Only statements that the server accepts and that are of a kind the gate can allow (a query,
EXPLAIN, INSERT, UPDATE, DELETE, MERGE) are counted, and the text that the gate renders has to give
the same answer.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.honest.corpus import Case, EngineError, Tally, judge, look, statements
from support.honest.engines import on_duckdb, on_mysql, on_postgres
from support.mariadb import server
from support.postgres import cluster

from wb_server.gate.models import DialectName

_FIRST = ("select", "with", "values", "table", "from", "(", "explain", "insert", "update", "delete",
          "merge", "replace", "describe", "desc", "show", "summarize", "pivot", "unpivot")  # fmt: skip


def main() -> None:
    """Prints each refusal, each differing result, and the rate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dialect", choices=get_args(DialectName), required=True)
    parser.add_argument("--run", action="store_true", help="compare the answers on a real server")
    parser.add_argument("--schema", type=Path, help="tables to create before each file (--run)")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args()
    tally = Tally()
    with ExitStack() as stack:
        servers = stack.enter_context(_server(options.dialect)) if options.run else None
        for path in options.files:
            before = tally.total[False], len(tally.refused[False])
            _measure(path, options.dialect, tally, servers, options.schema)
            total, refused = tally.total[False] - before[0], len(tally.refused[False]) - before[1]
            print(f"{path.name}: {total} statements, {refused} refused")
    for text in (*tally.refused[False], *tally.different):
        print(f"\n{text}")
    if tally.broken:
        print(f"\n{len(tally.broken)} statements that the server rejects aren't counted")
    print(f"\nrate: {options.dialect}: {tally.line()}")


def _measure(
    path: Path, dialect: DialectName, tally: Tally, servers: Any, schema: Path | None
) -> None:
    found = list(statements(path.read_text(encoding="utf-8", errors="replace"), dialect))
    if servers is None:
        for sql in found:
            look(_case(path, sql), dialect, tally)
        return
    with servers(None) as engine:
        for sql in statements(schema.read_text(encoding="utf-8"), dialect) if schema else ():
            with suppress(EngineError):
                engine.keep(sql)
        for sql in found:
            if _words(sql).startswith(_FIRST):
                one = judge([_case(path, sql)], dialect, engine)
                tally.total[False] += one.total[False]
                tally.refused[False] += one.refused[False]
                tally.different += one.different
                tally.broken += one.broken
            with suppress(EngineError):  # reported above already, or nothing for the gate
                engine.keep(sql)


def _case(path: Path, sql: str) -> Case:
    return Case(f"{path.name}: {sql}", sql, varies="\n-- varies\n" in sql)


def _words(sql: str) -> str:
    lines = [line for line in sql.splitlines() if not line.lstrip().startswith(("--", "#"))]
    return "\n".join(lines).strip().lower()


@contextmanager
def _server(dialect: DialectName) -> Iterator[Any]:
    if dialect == "duckdb":
        yield on_duckdb
    elif dialect == "mysql":
        with server() as it:
            yield lambda schema: on_mysql(it, schema)
    else:
        with cluster() as it:
            yield lambda schema: on_postgres(it, schema)


if __name__ == "__main__":
    main()
