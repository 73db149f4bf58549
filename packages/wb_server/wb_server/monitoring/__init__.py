"""The health of the Workbench itself."""
