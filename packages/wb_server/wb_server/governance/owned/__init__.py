"""Owned things, which have an owner, shares, a unique name and an undoable delete.

Connections and pipelines are owned things. Each kind has its own model, table, store and service, which
add only what is specific to it.
"""
