"""``./wb bench load``: fifty users with small queries at once, and twenty slow readers.

A fresh PostgreSQL and a fresh Workbench on one machine. Every user connects through the Hub's proxy
with their own token, as scripts do, and pauses between requests, so the figures are those of a busy
office and not of a saturated machine; ``--pause 0`` saturates it. The service's ``/health`` and raw
ADBC are measured in the same run, as a baseline for what proxy, gate and audit add.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent
sys.path[:0] = [str(BENCH.parent), str(BENCH.parent / "hub")]

import adbc_driver_postgresql.dbapi as adbc
import figures
import httpx
import psutil
from figures import Figure, spread
from stack import CONNECTION, TABLE, TRIPLE, Stack, start_stack
from support.people import People, people_of

ROWS = 200_000
_SMALL = f"select * from {TABLE} where id > :least order by id limit 10"
_TENTH = 0.1
_MEGABYTE = 2**20


@dataclass
class Seen:
    """What the clients saw, and the memory and CPU time that the service used."""

    times: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    idle: int = 0
    peak: int = 0
    processor: float = 0.0
    seconds: float = 0.0


@contextlib.contextmanager
def watched(process: psutil.Process, seen: Seen) -> Iterator[None]:
    """Records a process's memory and CPU time while the block runs."""
    stop = threading.Event()
    seen.idle = seen.peak = process.memory_info().rss

    def watch() -> None:
        while not stop.wait(_TENTH):
            seen.peak = max(seen.peak, process.memory_info().rss)

    before, began = process.cpu_times(), time.monotonic()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
        after = process.cpu_times()
        seen.processor = after.user + after.system - before.user - before.system
        seen.seconds = time.monotonic() - began


class Office:
    """Users with tokens, and the requests they make.

    Args:
        pause: mean seconds between two requests of one user.
    """

    def __init__(self, stack: Stack, people: People, count: int, pause: float) -> None:
        self._base = f"{stack.hub.url}/services/workbench/api/v1"
        self._pause = pause
        self._tokens = [people.token(people.add(f"load-{n}", "analyst")) for n in range(count)]
        api = people.api("admin")
        found = api.ok("GET", "/connections", search=CONNECTION)["items"]
        self._connection = str(found[0]["id"])
        share = {"kind": "group", "name": "analyst", "level": "use"}
        api.ok("POST", f"/connections/{self._connection}/shares", share)
        api.close()

    async def work(self, seconds: float, seen: Seen) -> None:
        """Lets every user work for ``seconds``."""
        end = time.monotonic() + seconds
        await asyncio.gather(*(self._person(token, end, seen) for token in self._tokens))

    async def _person(self, token: str, end: float, seen: Seen) -> None:
        headers = {"Authorization": f"token {token}"}
        dice = random.Random(token)
        async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
            kinds: Sequence[tuple[str, int, Callable[[], Awaitable[httpx.Response]]]] = (
                ("ten rows by a query", 70, lambda: self._query(http, dice.randrange(ROWS))),
                ("the list of connections", 15, lambda: http.get(f"{self._base}/connections")),
                ("columns of a table", 5, lambda: self._columns(http)),
                ("/health (no token, no audit)", 10, lambda: http.get(f"{self._base}/health")),
            )
            await asyncio.sleep(dice.uniform(0, self._pause))
            while time.monotonic() < end:
                (name, _, ask), *_ = dice.choices(kinds, [weight for _, weight, _ in kinds])
                began = time.perf_counter()
                try:
                    answer = await ask()
                except httpx.HTTPError as error:
                    seen.errors[type(error).__name__] += 1
                    continue
                if answer.is_success:
                    seen.times[name].append(time.perf_counter() - began)
                else:
                    seen.errors[f"{answer.status_code} {answer.json()['error']['code']}"] += 1
                await asyncio.sleep(dice.expovariate(1 / self._pause) if self._pause else 0)

    def _query(self, http: httpx.AsyncClient, least: int) -> Awaitable[httpx.Response]:
        body = {"connection": CONNECTION, "sql": _SMALL, "params": {"least": least}}
        return http.post(f"{self._base}/query", json=body)

    def _columns(self, http: httpx.AsyncClient) -> Awaitable[httpx.Response]:
        where = {"schema": "public", "table": TABLE}
        return http.get(f"{self._base}/connections/{self._connection}/columns", params=where)

    async def read_slowly(self, readers: int, seconds: float) -> int:
        """Reads a large answer with ``readers`` streams at once, each a tenth of a MiB every 0.1 s.

        Returns:
            The number of bytes read.
        """
        end = time.monotonic() + seconds
        counts = await asyncio.gather(
            *(self._slow(self._tokens[n % len(self._tokens)], end) for n in range(readers))
        )
        return sum(counts)

    async def _slow(self, token: str, end: float) -> int:
        headers = {"Authorization": f"token {token}"}
        body = {"connection": CONNECTION, "sql": f"select * from {TRIPLE}"}
        count = 0
        async with (
            httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as http,
            http.stream("POST", f"{self._base}/query", json=body) as answer,
        ):
            answer.raise_for_status()
            async for piece in answer.aiter_raw(_MEGABYTE // 10):
                count += len(piece)
                if time.monotonic() > end:
                    break
                await asyncio.sleep(_TENTH)
        return count


def raw(stack: Stack, count: int = 300) -> list[float]:
    """Seconds of each of ``count`` such queries by raw ADBC, one after the other."""
    times = []
    with adbc.connect(stack.postgres.url) as connection, connection.cursor() as cursor:
        for least in range(count):
            began = time.perf_counter()
            cursor.execute(_SMALL.replace(":least", str(least)))
            cursor.fetch_arrow_table()
            times.append(time.perf_counter() - began)
    return times


def main() -> int:
    """Runs the benchmark and prints its report."""
    parser = argparse.ArgumentParser(prog="wb bench load", description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between requests")
    parser.add_argument("--readers", type=int, default=20, help="slow streams")
    parser.add_argument(
        "--json", action="store_true", help="print each figure as an object instead"
    )
    parser.add_argument("--quick", action="store_true", help="20 people for 10 s, 5 slow readers")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.people, arguments.seconds, arguments.readers = 20, 10, 5
    busy = os.getloadavg()[0]
    print("  starting PostgreSQL and a Workbench", file=sys.stderr, flush=True)
    with start_stack(ROWS) as there:
        people = people_of(there.hub)
        office = Office(there, people, arguments.people, arguments.pause)
        floor = raw(there)
        asyncio.run(office.work(3, Seen()))
        print(f"  {arguments.people} people for {arguments.seconds:.0f} s", file=sys.stderr)
        work = Seen()
        with watched(there.service, work):
            asyncio.run(office.work(arguments.seconds, work))
        print(f"  {arguments.readers} slow readers", file=sys.stderr, flush=True)
        slow = Seen()
        with watched(there.service, slow):
            size = asyncio.run(office.read_slowly(arguments.readers, 5 if arguments.quick else 20))
    if arguments.json:
        figures.show(measured(floor, work, slow))
    else:
        print(report(arguments, busy, floor, work, slow, size))
    return 0


def measured(floor: list[float], work: Seen, slow: Seen) -> Iterator[Figure]:
    """The figures, one by one."""
    for name, times in work.times.items():
        yield from spread(name, times)
    yield from spread("ten rows", floor, "raw ADBC, alone")
    count = sum(len(times) for times in work.times.values())
    yield Figure("requests a second", count / work.seconds, "1/s")
    yield Figure("errors", sum(work.errors.values()), "")
    yield Figure("cores busy with the service", work.processor / work.seconds, "")
    yield Figure("processor a request", work.processor / max(count, 1) * 1000, "ms")
    yield Figure("memory of the service, idle", work.idle / _MEGABYTE, "MB")
    yield Figure("memory of the service above idle", (work.peak - work.idle) / _MEGABYTE, "MB")
    above = (slow.peak - slow.idle) / _MEGABYTE
    yield Figure("memory of the service above idle, slow readers", above, "MB")


def report(
    arguments: argparse.Namespace,
    busy: float,
    floor: list[float],
    work: Seen,
    slow: Seen,
    size: int,
) -> str:
    """The figures as text."""
    count = sum(len(times) for times in work.times.values())
    errors = ", ".join(f"{n} x {name}" for name, n in work.errors.items()) or "none"
    lines = [
        f"{arguments.people} people, {arguments.pause:g} s between requests, "
        f"{work.seconds:.0f} s, {os.cpu_count()} cores, through the Hub's proxy "
        f"(load before: {busy:.1f})",
        "",
        f"{'':<34}{'requests':>9}{'p50':>10}{'p95':>10}{'p99':>10}",
    ]
    named = sorted(work.times.items(), key=lambda item: -len(item[1]))
    lines += [
        *(_line(name, times) for name, times in named),
        _line("ten rows by raw ADBC, alone", floor),
        "",
        f"{count / work.seconds:.0f} requests per second; errors: {errors}",
        f"The service: {work.processor / work.seconds:.2f} cores busy, "
        f"{work.processor / max(count, 1) * 1000:.1f} ms of CPU time per request, "
        f"{work.idle / _MEGABYTE:.0f} MB idle, +{(work.peak - work.idle) / _MEGABYTE:.0f} MB at its peak",
        "",
        f"{arguments.readers} slow readers read {size / _MEGABYTE:.0f} MB in {slow.seconds:.0f} s: "
        f"the service +{(slow.peak - slow.idle) / _MEGABYTE:.0f} MB at its peak",
    ]
    return "\n".join(lines)


def _line(name: str, times: list[float]) -> str:
    cuts = statistics.quantiles(times, n=100) if len(times) > 1 else [0.0] * 99
    shown = "".join(f"{cuts[at] * 1000:>7.1f} ms" for at in (49, 94, 98))
    return f"{name:<34}{len(times):>9}{shown}"


if __name__ == "__main__":
    sys.exit(main())
