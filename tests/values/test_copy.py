"""Random tables copied by a pipeline: the target's driver reads the values that the source's read."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from . import compare
from .files import moment_of
from .mysql import MySQL
from .place import Place
from .postgres import Postgres
from .reading import ALLOWED, Tally, names_column, through
from .sources import SOURCES, source_of
from .tables import Column, Source, Table, columns

pytestmark = pytest.mark.slow


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, workbench: Place) -> Iterator[Source]:
    it = source_of(request.param, workbench)
    yield it
    it.close()


@pytest.fixture
def targets(workbench: Place) -> Iterator[dict[str, Postgres | MySQL]]:
    made = {"pg": Postgres(workbench.postgres.url), "my": MySQL(workbench.mariadb.connect())}
    yield made
    for each in made.values():
        each.close()


def _copied(
    place: Place, table: Table, target: str, left: list[Column], tally: Tally
) -> tuple[str, list[Column]]:
    """Copies the columns that can be copied; returns the target's table and these columns."""
    for attempt in range(len(left) + 1):
        if not left:
            break
        names = [each.name for each in left]
        into = f"{table.name}_{table.label}_{attempt}"
        # With the row number, by which both are sorted.
        query = table.query(["id", *names])
        done = place.copy({"copy": (table.connection, query, target, into)})["copy"]
        if done["state"] == "succeeded":
            return into, left
        code, message = done["code"], done["message"]
        named = [each for each in left if names_column(message, each.name)]
        if code not in ALLOWED or len(named) != 1:
            tally.note(table, (named or left)[0], f"copy to {target}: {code}: {message}", query)
            named = named or left[:1]
        tally.refused[table.label, f"copy to {target}"] += 1
        left = [each for each in left if each is not named[0]]
    return "", []


def _same(each: Column, want: Any, found: Any) -> bool:
    """True if a copied value equals the original, given the types that its database has."""
    if (each.kind.same or compare.same)(want, found):
        return True
    if isinstance(found, tuple) and found[:1] in (("span",), ("interval",)):
        # MySQL has one type for times of day and durations, PostgreSQL one for durations and intervals.
        plain = found[1] if found[0] == "span" else found[3] if found[1:3] == (0, 0) else None
        return plain is not None and any(
            (each.kind.same or compare.same)(want, one)
            for one in (compare.clock(plain), compare.span(plain))
        )
    if each.kind.label.endswith(("booleans", "booleans, then a text", "booleans, then a number")):
        return str(want).lower() == str(bool(found)).lower()
    if isinstance(found, str) and isinstance(want, dict | list):
        return _json_same(want, json.loads(found, parse_float=Decimal))
    return False


def _json_same(want: Any, found: Any) -> bool:
    """The same for values stored as JSON, which has only numbers and texts."""
    if isinstance(want, dict):
        found = dict(found) if isinstance(found, list) else found  # a map
        return isinstance(found, dict) and all(
            _json_same(value, found.get(key)) for key, value in want.items()
        )
    if isinstance(want, list) and isinstance(found, dict):  # a map
        return want == [] or _json_same(dict(want), found)
    if isinstance(want, list):
        return len(want) == len(found) and all(map(_json_same, want, found))
    if isinstance(want, tuple) and want[0] == "interval":
        return list(want[1:]) == found
    if isinstance(want, tuple):
        return bool(moment_of(found.replace("Z", "+00:00")) == want)
    if isinstance(want, int | float | Decimal) and isinstance(found, str):
        return Decimal(want) == Decimal(found)
    return compare.same(want, found)


@pytest.mark.timeout(0)
def test_every_value_is_copied_unchanged(
    source: Source,
    targets: dict[str, Postgres | MySQL],
    workbench: Place,
    tally: Tally,
    values: int,
) -> None:
    dice = random.Random(f"{tally.seed} copy {source.label}")
    count = 0
    before = set(tally.wrong)
    while any(tally.compared[source.label, f"copy to {t}"] < values // 6 for t in targets):
        count += 1
        table = source.write(
            f"k{count}",
            columns(source, dice, dice.choice([1, 7, 40, 40 if values < 20_000 else 1500])),
        )
        came = through(workbench, table, tally)
        for target, driver in targets.items():
            into, left = _copied(workbench, table, target, came, tally)
            if not left:
                continue
            for each, found in zip(left, driver.columns(into, left), strict=True):
                if each.kind.seen is not None:
                    found = [v if isinstance(v, str) else each.kind.seen(v) for v in found]
                wrong = [
                    f"row {row}: wanted {want!r}, found {other!r}"
                    for row, (want, other) in enumerate(zip(each.want, found, strict=True))
                    if not _same(each, want, other)
                ]
                if wrong:
                    tally.note(table, each, f"copy to {target}: {wrong[0]}", into)
                else:
                    tally.compared[source.label, f"copy to {target}"] += len(found)
            driver.drop(into)
        source.drop(table.name)
    wrong = [tally.wrong[key] for key in tally.wrong if key not in before and "copy" in key[1]]
    shown = "\n\n".join(wrong)
    assert not wrong, f"seed {tally.seed}, {count} tables:\n{shown}"
