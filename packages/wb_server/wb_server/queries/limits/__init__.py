"""Limits: how much one person, and one connection, may take at a time."""
