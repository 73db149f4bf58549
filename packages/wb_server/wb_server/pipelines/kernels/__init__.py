"""Kernels that belong to one attempt of a notebook task, and the driver that runs its cells.

``attempts`` keeps such kernels where they run: in a person's own Jupyter server (``hosts/attempts``
serves it there) or in this process's own machine (``local``). ``driver`` runs a notebook in one, cell
by cell, wherever it is; ``remote`` reaches the ones behind a Hub. What a person's server imports of
this folder (``attempts``, ``processes``, ``spare``, and ``kit/snapshot``) needs nothing of the service.
"""
