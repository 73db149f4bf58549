"""Running statements and loads: limits, streams, what runs now."""
