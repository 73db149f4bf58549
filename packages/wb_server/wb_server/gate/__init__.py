"""Decides what may run: permits, the check of statements, dialects."""
