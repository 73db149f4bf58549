"""Attempts to get past the gate, and engines to try them on."""
