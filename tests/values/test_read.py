"""Random tables of every connector arrive as their own driver reads them: Arrow, pandas and polars."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from .place import Place
from .reading import Tally, through
from .sources import SOURCES, source_of
from .tables import Source, columns

pytestmark = pytest.mark.slow


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, workbench: Place) -> Iterator[Source]:
    it = source_of(request.param, workbench)
    yield it
    it.close()


@pytest.mark.timeout(0)
def test_every_value_arrives_unchanged(
    source: Source, workbench: Place, tally: Tally, values: int
) -> None:
    dice = random.Random(f"{tally.seed} {source.label}")
    count = 0
    most = 25_000 if values > 20_000 else 2_000
    while tally.compared[source.label, "arrow"] < values:
        count += 1
        # At times more rows than a reader samples first, or sends in one batch.
        rows = dice.choice([1, 7, 40, 40, 150]) if dice.random() < 0.98 else most
        table = source.write(f"v{count}", columns(source, dice, rows))
        through(workbench, table, tally)
        source.drop(table.name)
    wrong = [
        each
        for (name, what), each in tally.wrong.items()
        if name == source.label and ": copy to" not in what
    ]
    shown = "\n\n".join(wrong)
    assert not wrong, f"seed {tally.seed}, {count} tables:\n{shown}"
