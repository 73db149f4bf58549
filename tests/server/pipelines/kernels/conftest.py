"""Fixtures: kernels on this machine, ended with the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.notebooks import Attempts

from wb_server.pipelines.kernels.local import LocalKernels


@pytest.fixture(scope="module")
def local() -> Iterator[LocalKernels]:
    """Local kernels, with one kept warm."""
    kernels = LocalKernels()
    yield kernels
    kernels.close()


@pytest.fixture
def attempts(local: LocalKernels) -> Attempts:
    """Attempts that run in them."""
    return Attempts(local)
