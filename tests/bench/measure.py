"""One measurement per process: ``python measure.py`` reads a job and prints its result.

Each measurement has a fresh process, so that no path gains from what another loaded or allocated.
The kernel paths run the same code in a real kernel: see ``kernels.py``. Each path imports what it
needs in ``open``, so that its imports don't count towards the memory of the others.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psutil

SLOW_BATCHES = 20
SLOW_SECONDS = 0.2


class Path(ABC):
    """A way from a statement to a pandas frame.

    Args:
        job: what to measure and where: ``table``, ``least`` (select rows with a larger id;
            ``None``: all rows, without a parameter) and the addresses.
    """

    parameter = "{least}"
    """How this path writes the parameter; by default, as a literal in the text."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.least: int | None = job.get("least")
        self.open()

    @property
    def sql(self) -> str:
        """The large query."""
        text = f"select * from {self.job['table']}"
        if self.least is None:
            return text
        return f"{text} where id > {self.parameter.format(least=self.least)}"

    def small_sql(self, least: int) -> str:
        """A query of ten rows."""
        place = self.parameter.format(least=least)
        return f"select * from {self.job['table']} where id > {place} order by id limit 10"

    @abstractmethod
    def open(self) -> None:
        """Imports and connects: what a notebook has already done by its second query."""

    @abstractmethod
    def frame(self) -> Any:
        """The large query as a pandas frame."""

    def small(self, least: int) -> Any:
        """Ten rows as a pandas frame."""
        raise NotImplementedError

    def batches(self) -> Iterator[Any] | None:
        """The large query batch by batch, for paths that can."""
        return None

    def hang_up(self, batches: Iterator[Any]) -> None:
        """Leaves the rest of the batches unread."""

    def close(self) -> None:
        """Closes connections."""


class Adbc(Path):
    """The driver that the service uses, without the Workbench."""

    def open(self) -> None:
        import adbc_driver_postgresql.dbapi as adbc
        import pandas  # noqa: F401 - a notebook has it loaded

        self.connection = adbc.connect(self.job["postgres"])
        self.cursor = self.connection.cursor()
        self.cursor.execute("select 1")
        self.cursor.fetchall()

    def table(self) -> Any:
        self.cursor.execute(self.sql)
        return self.cursor.fetch_arrow_table()

    def frame(self) -> Any:
        return self.table().to_pandas()

    def small(self, least: int) -> Any:
        self.cursor.execute(self.small_sql(least))
        return self.cursor.fetch_arrow_table().to_pandas()

    def batches(self) -> Iterator[Any]:
        self.cursor.execute(self.sql)
        yield from self.cursor.fetch_record_batch()

    def hang_up(self, batches: Iterator[Any]) -> None:
        self.cursor.adbc_cancel()

    def close(self) -> None:
        self.cursor.close()
        self.connection.close()


class AdbcDecimal(Adbc):
    """ADBC with the driver's text numbers cast to decimals: a frame with the Workbench's types."""

    def frame(self) -> Any:
        import pandas as pd
        import pyarrow as pa

        table = self.table()
        money = pa.decimal128(12, 2)
        columns = [
            pa.chunked_array([part.storage.cast(money) for part in column.chunks], money)
            if isinstance(column.type, pa.BaseExtensionType)
            else column
            for column in table.columns
        ]
        exact = {money: pd.ArrowDtype(money)}.get
        made = pa.table(columns, names=table.column_names)
        return made.to_pandas(types_mapper=exact, date_as_object=False)


class AdbcBound(Adbc):
    """ADBC with the driver's bound parameters, which rule out COPY."""

    parameter = "$1"

    def table(self) -> Any:
        self.cursor.execute(self.sql, (self.least,))
        return self.cursor.fetch_arrow_table()

    def batches(self) -> Iterator[Any]:
        self.cursor.execute(self.sql, (self.least,))
        yield from self.cursor.fetch_record_batch()


class ConnectorX(Path):
    """connectorx as its documentation first shows it; it has no parameters."""

    def open(self) -> None:
        import connectorx
        import pandas  # noqa: F401

        self.connectorx = connectorx
        connectorx.read_sql(self.job["postgres"], "select 1 as one")

    def frame(self) -> Any:
        return self.connectorx.read_sql(self.job["postgres"], self.sql)


class ConnectorXArrow(ConnectorX):
    """connectorx via Arrow."""

    def frame(self) -> Any:
        return self.connectorx.read_sql(
            self.job["postgres"], self.sql, return_type="arrow"
        ).to_pandas()


class PandasReadSql(Path):
    """pandas on SQLAlchemy and psycopg2."""

    parameter = ":least"

    def open(self) -> None:
        import pandas
        import sqlalchemy

        self.pandas, self.sqlalchemy = pandas, sqlalchemy
        url = self.job["postgres"].replace("postgresql://", "postgresql+psycopg2://")
        self.engine = sqlalchemy.create_engine(url)
        with self.engine.connect() as connection:
            connection.execute(sqlalchemy.text("select 1"))

    def frame(self) -> Any:
        params = None if self.least is None else {"least": self.least}
        with self.engine.connect() as connection:
            return self.pandas.read_sql(self.sqlalchemy.text(self.sql), connection, params=params)

    def close(self) -> None:
        self.engine.dispose()


class Jupysql(Path):
    """jupysql with its default settings, in an IPython shell in this process."""

    parameter = ":least"

    def open(self) -> None:
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        settings = Config()
        settings.HistoryManager.enabled = False
        settings.SqlMagic.displaycon = False
        settings.SqlMagic.feedback = 0
        settings.SqlMagic.named_parameters = "enabled"
        self.shell = InteractiveShell.instance(config=settings)
        self.shell.extension_manager.load_extension("sql")
        url = self.job["postgres"].replace("postgresql://", "postgresql+psycopg2://")
        self.magic(url)
        self.magic("select 1")

    def magic(self, text: str) -> Any:
        return self.shell.run_line_magic("sql", text)

    def frame(self) -> Any:
        self.shell.user_ns["least"] = self.least
        return self.magic(self.sql).DataFrame()


class OurClient(Path):
    """``wb_server.client`` at the job's address."""

    parameter = ":least"

    def open(self) -> None:
        import pandas  # noqa: F401

        from wb_server.client import Client

        self.client = Client(self.job["url"], self.job["token"])
        self.client.query(self.job["connection"], "select 1").arrow()

    def ask(self, sql: str, least: int | None) -> Any:
        params = None if least is None else {"least": least}
        return self.client.query(self.job["connection"], sql, params)

    def frame(self) -> Any:
        return self.ask(self.sql, self.least).df()

    def small(self, least: int) -> Any:
        return self.ask(self.small_sql(least), least).df()

    def batches(self) -> Iterator[Any]:
        with self.ask(self.sql, self.least) as answer:
            yield from answer.batches()

    def hang_up(self, batches: Iterator[Any]) -> None:
        batches.close()  # type: ignore[attr-defined]
        # The service drops the connection of a query that wasn't read to its end. Open another
        # one for the next measurement, as normal use would.
        self.ask("select 1", None).arrow()

    def close(self) -> None:
        self.client.close()


class OurClientNewText(OurClient):
    """The client with the value in the text, so each text is new to the service."""

    parameter = Path.parameter

    def ask(self, sql: str, least: int | None) -> Any:
        return super().ask(sql, None)


class OurMagic(Path):
    """``%sql`` in the Workbench's own kernel."""

    parameter = ":least"

    def open(self) -> None:
        import pandas  # noqa: F401
        from IPython import get_ipython

        self.shell = get_ipython()
        self.magic("select 1")

    def magic(self, text: str) -> Any:
        return self.shell.run_line_magic("sql", f"{self.job['connection']} {text}")

    def frame(self) -> Any:
        self.shell.user_ns["least"] = self.least
        return self.magic(self.sql).df()

    def small(self, least: int) -> Any:
        self.shell.user_ns["least"] = least
        return self.magic(self.small_sql(least)).df()

    def batches(self) -> Iterator[Any]:
        import wb

        params = None if self.least is None else {"least": self.least}
        with wb.query(self.job["connection"], self.sql, params) as answer:
            yield from answer.batches()

    def hang_up(self, batches: Iterator[Any]) -> None:
        batches.close()  # type: ignore[attr-defined]
        self.magic("select 1")


PATHS: dict[str, type[Path]] = {
    "adbc": Adbc,
    "adbc_decimal": AdbcDecimal,
    "adbc_bound": AdbcBound,
    "connectorx": ConnectorX,
    "connectorx_arrow": ConnectorXArrow,
    "pandas": PandasReadSql,
    "jupysql": Jupysql,
    "ours_sql": OurMagic,
    "ours_service": OurClient,
    "ours_service_new_text": OurClientNewText,
    "ours_gateway": OurClient,
}


# --- memory -----------------------------------------------------------------------------------


def forget_peak(pid: int | str = "self") -> None:
    """Resets a process's peak resident memory to its current value."""
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


def memory(name: str, pid: int | str = "self") -> float:
    """``VmRSS`` or ``VmHWM`` (its peak) of a process, in MB."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(name)


# --- CPU time ---------------------------------------------------------------------------------


def processors(watched: dict[str, int]) -> dict[str, float]:
    """Seconds of CPU time used by each watched process, and by the client: this process.

    Args:
        watched: process ids by name. ``database`` includes its children, one per connection.
    """
    used = {name: _used(psutil.Process(pid), name == "database") for name, pid in watched.items()}
    return {"client": time.process_time(), **used}


def _used(process: psutil.Process, family: bool) -> float:
    times = process.cpu_times()
    own = times.user + times.system
    if not family:
        return own

    living = [child.cpu_times() for child in process.children()]
    ended = times.children_user + times.children_system
    return own + ended + sum(each.user + each.system for each in living)


# --- what is measured -------------------------------------------------------------------------


@contextmanager
def _opened(job: dict[str, Any]) -> Iterator[Path]:
    path = PATHS[job["path"]](job)
    gc.collect()
    try:
        yield path
    finally:
        path.close()


def large(job: dict[str, Any]) -> dict[str, Any]:
    """The large query: seconds, memory, the time to the first batch, and the frame's sums."""
    with _opened(job) as path:
        forget_peak()
        before = memory("VmRSS")
        used = processors(job["watched"])
        began = time.perf_counter()
        frame = path.frame()
        seconds = time.perf_counter() - began
        now = processors(job["watched"])
        peak = memory("VmHWM") - before
        found = facts(frame)
        del frame
        return {
            "seconds": seconds,
            "processor": {name: now[name] - used[name] for name in now},
            "memory": peak,
            "first_batch": first_batch(path),
            **found,
        }


def first_batch(path: Path) -> float | None:
    """Seconds from sending the query to its first rows; the rest isn't read."""
    began = time.perf_counter()
    batches = path.batches()
    if batches is None:
        return None
    next(batches)
    seconds = time.perf_counter() - began
    path.hang_up(batches)
    return seconds


def drain(job: dict[str, Any]) -> dict[str, Any]:
    """Reads the large query batch by batch, keeping nothing."""
    with _opened(job) as path:
        batches = path.batches()
        assert batches is not None
        return {"rows": sum(batch.num_rows for batch in batches)}


def slow(job: dict[str, Any]) -> dict[str, Any]:
    """Reads the first batches slowly, then the rest at full speed."""
    with _opened(job) as path:
        batches = path.batches()
        assert batches is not None
        rows = 0
        for number, batch in enumerate(batches):
            rows += batch.num_rows
            if number < SLOW_BATCHES:
                time.sleep(SLOW_SECONDS)
        return {"rows": rows}


def small(job: dict[str, Any]) -> dict[str, Any]:
    """Runs many small queries, one after the other: the seconds of each."""
    with _opened(job) as path:
        for number in range(job["warm"]):
            path.small(number)
        seconds = []
        for number in range(job["count"]):
            # A new value each time: a repeated query might be answered from a cache.
            least = job["warm"] + number * 7
            began = time.perf_counter()
            frame = path.small(least)
            seconds.append(time.perf_counter() - began)
            assert list(frame["id"]) == list(range(least + 1, least + 11))
        return {"seconds": seconds}


def facts(frame: Any) -> dict[str, Any]:
    """Sums and counts that must be the same on every path."""

    def money(name: str) -> str:
        column = frame[name]
        if column.dtype.kind == "f":
            # Doubles: their sum is exact to the cent at best.
            return str(Decimal(repr(float(column.sum()))).quantize(Decimal("0.01")))
        if "decimal" in str(column.dtype):
            return str(column.sum())
        return str(sum(map(Decimal, column), Decimal(0)))

    return {
        "rows": len(frame),
        "ids": int(frame["id"].sum()),
        "amount": money("amount"),
        "tax": money("tax"),
        "paid": int(frame["paid"].sum()),
        "money_type": str(frame["amount"].dtype),
    }


KINDS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "large": large,
    "drain": drain,
    "slow": slow,
    "small": small,
}


def run(job: dict[str, Any]) -> str:
    """Runs a job and returns its result as one line of JSON."""
    return json.dumps(KINDS[job["kind"]](job))


if __name__ == "__main__":
    # What libraries print goes to stderr: stdout carries only the result.
    result = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(run(json.load(sys.stdin)), file=result, flush=True)
