"""The Workbench's JupyterHub."""
