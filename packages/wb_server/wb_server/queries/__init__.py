"""Runs statements and loads: limits, streams, running queries."""
