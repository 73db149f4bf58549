"""How the Workbench itself is doing."""
