"""A short ``./wb chaos``: each kind of fault once or twice over a few dozen runs."""

from __future__ import annotations

import os
from pathlib import Path

from chaos import chaos
from support.postgres import Cluster


def test_the_guarantees_hold_whatever_is_killed(postgres: Cluster, tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(3))
    print(f"to repeat: ./wb chaos --runs 30 --faults 9 --database sqlite --seed {seed}")
    result = chaos(tmp_path, postgres, "sqlite", 30, 9, seed)
    print(result.text())
    assert not result.wrong
    assert sum(hit for _, hit in result.faults.values()) >= 3, "the faults hit nothing"
