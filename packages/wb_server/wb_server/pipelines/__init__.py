"""Runs notebooks and SQL as scheduled, durable pipelines."""
