"""``./wb bench query``: a large and a small query on every path, side by side, in one run.

A fresh PostgreSQL, a fresh Workbench and the peers share one machine, so the figures say how the
paths compare, not how fast a network or a larger database is. Every figure comes from a fresh
process; the large query runs in rounds over all paths, so that other load affects all of them alike.
Seconds are medians; sums and row counts must be the same on all paths.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
sys.path[:0] = [str(BENCH.parent), str(BENCH.parent / "hub")]

import figures
import report
from kernels import jupyter, latency
from kernels import measure as measure_inside
from measure import forget_peak, memory
from stack import CONNECTION, TABLE, TRIPLE, Stack, start_stack, truth
from support.kernel import kernel

LEAST = 1000
"""The large query's parameter: it leaves out this many rows and keeps all others."""

LARGE = {
    "plain": (
        "adbc", "adbc_decimal", "connectorx", "connectorx_arrow", "pandas", "jupysql",
        "ours_sql", "ours_service", "ours_gateway",
    ),
    # connectorx has no parameters.
    "parameter": (
        "adbc", "adbc_bound", "pandas", "jupysql", "ours_sql", "ours_service", "ours_gateway",
    ),
}  # fmt: skip
# Many times slower than the others, far above the noise: one round is enough.
SLOW = frozenset({"pandas", "jupysql", "adbc_bound"})
SMALL = ("adbc", "ours_service", "ours_service_new_text", "ours_gateway", "ours_sql")
SMALL_WARM, SMALL_COUNT = 20, 300
EXECUTES = 50


class Bench:
    """One run of the benchmark on a stack."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder

    def job(self, kind: str, path: str, **more: Any) -> dict[str, Any]:
        """The job that ``measure.py`` reads."""
        there = self.stack
        return {
            "kind": kind,
            "path": path,
            "table": TABLE,
            "connection": CONNECTION,
            "watched": {
                "service": there.service.pid,
                "server": there.server.pid,
                "database": there.database.pid,
            },
            **more,
        }

    def run(self, kind: str, path: str, **more: Any) -> dict[str, Any]:
        """Runs one measurement in a fresh process; a failure is recorded and doesn't end the run."""
        there, job = self.stack, self.job(kind, path, **more)
        try:
            if path == "ours_sql":
                with kernel(there.server_url, there.token) as notebook:
                    return measure_inside(notebook, job)
            url = there.gateway_url if path == "ours_gateway" else there.service_url
            return self._in_process(
                {**job, "postgres": there.postgres.url, "url": url, "token": there.token}
            )
        except Exception as error:
            say(f"  {path} failed: {error}")
            return {"failed": str(error)}

    def _in_process(self, job: dict[str, Any]) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-P", str(BENCH / "measure.py")],
            input=json.dumps(job),  # not an argument: it holds a password and a token
            capture_output=True,
            text=True,
            env={**os.environ, "HOME": str(self.folder), "PLOOMBER_STATS_ENABLED": "false"},
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[-2000:])
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    # --- what is measured ----------------------------------------------------------------------

    def memory(self) -> dict[str, Any]:
        """Idle and peak memory of the service, and of the user's server as it passes rows on.

        Runs first: memory that an earlier query left allocated would count as idle.
        """
        there = self.stack
        pids = {"service": there.service.pid, "server": there.server.pid}
        self.run("small", "ours_gateway", warm=5, count=5)
        idle = {host: memory("VmRSS", pid) for host, pid in pids.items()}
        peaks: dict[str, dict[str, float]] = {host: {} for host in pids}
        for name, kind, table in (
            ("once", "drain", TABLE),
            ("slow", "slow", TABLE),
            ("triple", "drain", TRIPLE),
        ):
            for pid in pids.values():
                forget_peak(pid)
            # Through the gateway, so that rows pass through both the service and the user's server.
            result = self.run(kind, "ours_gateway", table=table)
            if "failed" not in result:
                for host, pid in pids.items():
                    peaks[host][name] = memory("VmHWM", pid) - idle[host]
        return {host: {"idle": idle[host], "peaks": peaks[host]} for host in pids}

    def large(self, repeat: int) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """Runs the large query with and without a parameter: results by path."""
        found: dict[str, dict[str, list[dict[str, Any]]]] = {"plain": {}, "parameter": {}}
        for number in range(repeat):
            for variant, least in (("plain", None), ("parameter", LEAST)):
                say(f"  the large query, round {number + 1} of {repeat}, {variant}")
                for path in LARGE[variant]:
                    if path in SLOW and number:
                        continue
                    result = self.run("large", path, least=least)
                    found[variant].setdefault(path, []).append(result)
        return found

    def small(self) -> dict[str, dict[str, Any]]:
        """Runs small queries, one after the other: results by path."""
        return {path: self.run("small", path, warm=SMALL_WARM, count=SMALL_COUNT) for path in SMALL}

    def executes(self) -> dict[str, list[float]]:
        """Seconds of an execute over the kernel's websocket, with and without our extension."""
        found = {}
        for name, ours in (("stock", False), ("ours", True)):
            with (
                jupyter(self.folder / name, ours=ours) as (url, token),
                kernel(url, token, "python3") as plain,
            ):
                found[name] = latency(plain, EXECUTES)
        with kernel(self.stack.server_url, self.stack.token, "python3") as behind_hub:
            found["hub"] = latency(behind_hub, EXECUTES)
        return found


def say(text: str) -> None:
    """Prints progress to stderr, apart from the report."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Measures, prints the report, and returns 1 only if a path returned a wrong answer."""
    parser = argparse.ArgumentParser(prog="wb bench query", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the large query")
    parser.add_argument("--repeat", type=int, default=3, help="rounds of the large query")
    parser.add_argument(
        "--json", action="store_true", help="print each figure as an object instead"
    )
    parser.add_argument("--quick", action="store_true", help="20,000 rows, one round")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.repeat = min(options.rows, 20_000), 1
    if options.rows <= LEAST + SMALL_COUNT * 10:
        parser.error(f"--rows must be more than {LEAST + SMALL_COUNT * 10}")
    began = time.monotonic()
    load = os.getloadavg()[0]
    say(f"  starting PostgreSQL with {options.rows:,} rows, and a Workbench")
    with (
        start_stack(options.rows) as there,
        tempfile.TemporaryDirectory(prefix="wb-bench-") as folder,
    ):
        bench = Bench(there, Path(folder))
        measured: dict[str, Any] = {
            "rows": options.rows,
            "repeat": options.repeat,
            "cores": os.cpu_count(),
            "load_before": load,
            "truth": {
                "plain": asdict(truth(there.postgres, 0)),
                "parameter": asdict(truth(there.postgres, LEAST)),
            },
        }
        say("  memory")
        measured["memory"] = bench.memory()
        measured["large"] = bench.large(options.repeat)
        say("  the small query")
        measured["small"] = bench.small()
        measured["rss_after"] = memory("VmRSS", there.service.pid)
        say("  the kernel's websocket")
        measured["executes"] = bench.executes()
    measured["seconds"] = time.monotonic() - began
    if options.json:
        figures.show(report.figures(measured))
    else:
        print(report.text(measured))
    return 1 if report.wrong(measured) else 0


if __name__ == "__main__":
    sys.exit(main())
