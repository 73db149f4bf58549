"""A Hub of their own."""

from __future__ import annotations

from support.apart import hub as hub
from support.apart import people as people
