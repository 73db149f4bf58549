"""``local``: DuckDB in the kernel, which reads the notebook's frames and the user's files.

Nothing of it passes the service: it can read what the notebook's own Python could read.
"""
