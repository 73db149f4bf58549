"""Sign-ins for connections: sealed, one for all or one for each user."""
