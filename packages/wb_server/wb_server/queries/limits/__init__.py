"""Limits: how much one user, and one connection, may use at a time."""
