"""The processes: the service, the extension of a Jupyter server, the worker, the scheduler."""
