"""The pipeline file: its models, reading and checking it, its expressions, and its schedule's times."""
