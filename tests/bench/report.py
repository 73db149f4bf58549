"""The report of ``query.py``: figures, ratios, and how they compare with the targets."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from statistics import median
from typing import Any

from figures import Figure, spread

TITLES = {
    "adbc": "raw ADBC",
    "adbc_decimal": "raw ADBC + cast to decimal",
    "adbc_bound": "raw ADBC, bound $1",
    "connectorx": "connectorx",
    "connectorx_arrow": "connectorx via Arrow",
    "pandas": "pandas.read_sql, psycopg2",
    "jupysql": "jupysql %sql, psycopg2",
    "ours_sql": "Workbench %sql, in a kernel",
    "ours_service": "Workbench client > service",
    "ours_service_new_text": "  the same, new text each time",
    "ours_gateway": "Workbench client > gateway",
}
_WIDTH = max(map(len, TITLES.values()))
_HOSTS = {"service": "the service", "server": "the user's server (gateway)"}
_CENT = Decimal("0.01")


def text(measured: dict[str, Any]) -> str:
    """The whole report."""
    parts = [
        _head(measured),
        _large(measured, "plain", "The large query, to a pandas frame"),
        _large(measured, "parameter", "The same with a parameter, :least in `where id > :least`"),
        _processor(measured),
        _memory(measured),
        _small(measured),
        _executes(measured),
        _targets(measured),
    ]
    errors = wrong(measured)
    parts.append("\n".join(["WRONG ANSWERS", *errors]) if errors else _right(measured))
    return "\n\n".join(parts)


def figures(measured: dict[str, Any]) -> Iterator[Figure]:
    """The figures, one by one."""
    for variant, paths in measured["large"].items():
        for path in paths:
            peer, good = _peer(path), _good(measured, variant, path)
            name = f"large query, {variant}{'' if peer else ', ' + TITLES[path].strip()}"
            if not good:
                continue
            yield Figure(f"{name}, seconds", median(each["seconds"] for each in good), "s", peer)
            if (first := first_batch(measured, variant, path)) is not None:
                yield Figure(f"{name}, first batch", first * 1000, "ms", peer)
            yield Figure(f"{name}, memory", median(each["memory"] for each in good), "MB", peer)
            for part in ("client", "service", "server", "database"):
                used = median(each["processor"][part] for each in good)
                yield Figure(f"{name}, processor of the {part}", used, "s", peer)
    for path, result in measured["small"].items():
        peer = _peer(path)
        name = "ten rows" if peer else f"ten rows, {TITLES[path].strip()}"
        yield from spread(name, result.get("seconds", []), peer)
    for name, times in measured["executes"].items():
        peer = "Jupyter as it comes" if name == "stock" else None
        yield from spread(f"1+1 over the websocket{'' if peer else ', ' + name}", times, peer)
    for host, found in measured["memory"].items():
        yield Figure(f"memory of {_HOSTS[host]}, idle", found["idle"], "MB")
        for which, peak in found["peaks"].items():
            yield Figure(f"memory of {_HOSTS[host]} above idle, {which}", peak, "MB")


def _peer(path: str) -> str | None:
    return None if path.startswith("ours") else TITLES[path]


def wrong(measured: dict[str, Any]) -> list[str]:
    """The answers that differ from PostgreSQL's own sums."""
    found = []
    for variant, paths in measured["large"].items():
        truth = measured["truth"][variant]
        for path, results in paths.items():
            for result in results:
                if "failed" in result:
                    continue
                got = [result["rows"], result["ids"], result["paid"]]
                money = [Decimal(result[name]) for name in ("amount", "tax")]
                if result["money_type"] == "float64":
                    money = [each.quantize(_CENT) for each in money]
                right = [truth["rows"], truth["ids"], truth["paid"]]
                sums = [Decimal(truth["amount"]), Decimal(truth["tax"])]
                if got != right or money != sums:
                    found.append(f"{TITLES[path]}, {variant}: {got} {money}, not {right} {sums}")
    return found


def _right(measured: dict[str, Any]) -> str:
    truth = measured["truth"]["plain"]
    return (
        f"Every path answered the same: {truth['rows']:,} rows, amounts of {truth['amount']}, "
        f"taxes of {truth['tax']}."
    )


def _head(measured: dict[str, Any]) -> str:
    lines = [
        f"{measured['rows']:,} rows x 9 columns, median of {measured['repeat']} rounds "
        f"(slow peers: one), {measured['cores']} cores, {measured['seconds']:.0f} s in all.",
    ]
    busy = measured["load_before"]
    if busy > measured["cores"] / 4:
        lines.append(
            f"The machine was already busy (load {busy:.1f}): don't trust the seconds, and trust "
            "the ratios only if a second run confirms them."
        )
    return "\n".join(lines)


def _good(measured: dict[str, Any], variant: str, path: str) -> list[dict[str, Any]]:
    results = measured["large"].get(variant, {}).get(path, [])
    return [each for each in results if "failed" not in each]


def seconds(measured: dict[str, Any], variant: str, path: str) -> float | None:
    """The median of a path's large query."""
    values = [each["seconds"] for each in _good(measured, variant, path)]
    return median(values) if values else None


def first_batch(measured: dict[str, Any], variant: str, path: str) -> float | None:
    """The median time until the first rows, in seconds."""
    values = [
        each["first_batch"]
        for each in _good(measured, variant, path)
        if each["first_batch"] is not None
    ]
    return median(values) if values else None


def _large(measured: dict[str, Any], variant: str, title: str) -> str:
    lines = [
        title,
        f"  {'':{_WIDTH}}  seconds    min  x ADBC  first batch   memory  money as",
    ]
    base = seconds(measured, variant, "adbc")
    for path, results in measured["large"][variant].items():
        good = _good(measured, variant, path)
        if not good:
            lines.append(f"  {TITLES[path]:{_WIDTH}}  failed: {_last_line(results[0]['failed'])}")
            continue
        middle = seconds(measured, variant, path)
        first = first_batch(measured, variant, path)
        assert middle is not None
        least = min(each["seconds"] for each in good)
        ratio = f"{middle / base:7.2f}" if base else f"{'':7}"
        shown = f"{first * 1000:8.0f} ms" if first is not None else f"{'-':>11}"
        space = median(each["memory"] for each in good)
        lines.append(
            f"  {TITLES[path]:{_WIDTH}}  {middle:7.2f}  {least:5.2f} {ratio}  {shown}  "
            f"{space:4.0f} MB  {_money(good[0]['money_type'])}"
        )
    return "\n".join(lines)


def _money(kind: str) -> str:
    if "decimal" in kind:
        return "decimal"
    return {"object": "Python objects", "float64": "float64, not exact"}.get(kind, kind)


def _last_line(message: str) -> str:
    return message.strip().splitlines()[-1][:100] if message.strip() else "no reason"


def _processor(measured: dict[str, Any]) -> str:
    lines = [
        "Seconds of CPU time for the large query",
        f"  {'':{_WIDTH}}  client  service  gateway  PostgreSQL     all",
    ]
    for path in measured["large"]["plain"]:
        good = _good(measured, "plain", path)
        if not good:
            continue
        parts = [
            median(each["processor"][name] for each in good)
            for name in ("client", "service", "server", "database")
        ]
        client, service, server, database = parts
        lines.append(
            f"  {TITLES[path]:{_WIDTH}}  {client:6.2f}  {service:7.2f}  {server:7.2f}  "
            f"{database:10.2f}  {sum(parts):6.2f}"
        )
    return "\n".join(lines)


def _memory(measured: dict[str, Any]) -> str:
    width = max(map(len, _HOSTS.values()))
    lines = [
        "Peak memory above idle",
        f"  {'':{width}}      idle  large query  slow reader  3 x the rows",
    ]
    for host, name in _HOSTS.items():
        found = measured["memory"][host]
        cells = [
            f"{found['peaks'][each]:+.0f} MB" if each in found["peaks"] else "failed"
            for each in ("once", "slow", "triple")
        ]
        lines.append(
            f"  {name:{width}}  {found['idle']:5.0f} MB  {cells[0]:>11}  {cells[1]:>11}  "
            f"{cells[2]:>12}"
        )
    after = measured["rss_after"] - measured["memory"]["service"]["idle"]
    lines.append(f"  After all large and small queries the service had {after:+.0f} MB.")
    return "\n".join(lines)


def percentiles(values: list[float]) -> tuple[float, float]:
    """The 50th and 95th percentiles, in milliseconds."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2] * 1000, ordered[int(len(ordered) * 0.95)] * 1000


def _small(measured: dict[str, Any]) -> str:
    count = max(len(each.get("seconds", ())) for each in measured["small"].values())
    lines = [
        f"Ten rows, {count} times, each with a new value (gate and audit on)",
        f"  {'':{_WIDTH}}      p50      p95",
    ]
    for path, result in measured["small"].items():
        if "failed" in result:
            lines.append(f"  {TITLES[path]:{_WIDTH}}  failed: {_last_line(result['failed'])}")
        else:
            middle, late = percentiles(result["seconds"])
            lines.append(f"  {TITLES[path]:{_WIDTH}}  {middle:4.1f} ms  {late:4.1f} ms")
    return "\n".join(lines)


def _executes(measured: dict[str, Any]) -> str:
    titles = {
        "stock": "stock Jupyter",
        "ours": "with our extension (TCP_NODELAY)",
        "hub": "a user's server, through the Hub",
    }
    width = max(map(len, titles.values()))
    lines = ["One `1+1` over the kernel's websocket", f"  {'':{width}}      p50      p95"]
    for name, title in titles.items():
        middle, late = percentiles(measured["executes"][name])
        lines.append(f"  {title:{width}}  {middle:4.1f} ms  {late:4.1f} ms")
    return "\n".join(lines)


def _targets(measured: dict[str, Any]) -> str:
    rows: list[tuple[str, str, str, bool | None]] = []

    def ratio(name: str, aim: str, above: str, below: str, met: Any) -> None:
        found = []
        for variant in ("plain", "parameter"):
            one, other = seconds(measured, variant, above), seconds(measured, variant, below)
            if one is not None and other is not None:
                found.append(one / other)
        shown = " x, with a parameter ".join(f"{each:.2f}" for each in found) + " x"
        rows.append((name, aim, shown, all(map(met, found)) if found else None))

    for path in ("ours_sql", "ours_service"):
        ratio(f"{TITLES[path]}, to raw ADBC", "at most 1.2 x", path, "adbc", lambda r: r <= 1.2)
    ratio(
        f"{TITLES['ours_sql']}, to jupysql", "6 x faster", "jupysql", "ours_sql", lambda r: r >= 6
    )
    peaks = list(measured["memory"]["service"]["peaks"].values())
    rows.append(
        (
            "The service's memory above idle", "below 100 MB",
            f"{max(peaks):.0f} MB" if peaks else "", max(peaks) < 100 if peaks else None,
        )
    )  # fmt: skip
    firsts = [first_batch(measured, each, "ours_service") for each in ("plain", "parameter")]
    known = [each * 1000 for each in firsts if each is not None]
    rows.append(
        (
            "The first batch at the client", "below 50 ms",
            ", with a parameter ".join(f"{each:.0f} ms" for each in known),
            all(each < 50 for each in known) if known else None,
        )
    )  # fmt: skip
    for path in ("ours_service", "ours_sql"):
        values = measured["small"][path].get("seconds")
        middle = percentiles(values)[0] if values else None
        rows.append(
            (
                f"{TITLES[path]}, ten rows, p50", "below 12 ms",
                "" if middle is None else f"{middle:.1f} ms",
                None if middle is None else middle < 12,
            )
        )  # fmt: skip
    verdict = {True: "met", False: "NOT MET", None: "not measured"}
    first = max(len(name) for name, _, _, _ in rows)
    second = max(len(aim) for _, aim, _, _ in rows)
    third = max(len(shown) for _, _, shown, _ in rows)
    lines = [
        f"  {name:{first}}  {aim:{second}}  {shown:{third}}  {verdict[met]}"
        for name, aim, shown, met in rows
    ]
    return "\n".join(["Targets", *lines])
