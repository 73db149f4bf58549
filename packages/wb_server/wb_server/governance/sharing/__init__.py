"""Whom a connection is shared with, and who owns it."""
