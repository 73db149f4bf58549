"""Honest statements: each runs as it was written and as the gate renders it."""
