"""Loads: rows from elsewhere into a table, once."""
