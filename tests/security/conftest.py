"""Fixtures with a separate Hub for the tests of this folder."""

from __future__ import annotations

from support.apart import hub as hub
from support.apart import people as people
