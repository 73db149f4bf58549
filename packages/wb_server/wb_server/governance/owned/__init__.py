"""Owned things: what has an owner, shares, a unique name, and an end that can be undone.

Connections and pipelines are such. Each kind has a model, a table, a store and a service of its own, which
say only what is its own.
"""
