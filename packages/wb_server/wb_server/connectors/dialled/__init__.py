"""What connectors to databases over a socket share."""
