"""The magics, one file a family; each loads when its magic is first used."""
