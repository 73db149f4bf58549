"""What connectors with a socket share."""
