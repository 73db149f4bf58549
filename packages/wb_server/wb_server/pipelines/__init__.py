"""Notebooks and SQL as scheduled, durable runs."""
