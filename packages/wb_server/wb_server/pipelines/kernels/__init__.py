"""Kernels that run the notebook of one attempt, and the driver that executes its cells.

``local`` runs kernels on the worker's own machine; ``remote`` uses those in the owner's Jupyter server,
behind a Hub. ``driver`` executes a notebook cell by cell in either. The kernels themselves are managed
by ``user_server`` (``kernels``, ``attempt_folders``, ``processes``, ``spare``; ``attempt_handlers`` serves
them in a user's server), which imports nothing of the service.
"""
