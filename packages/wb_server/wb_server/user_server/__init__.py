"""Code that runs in a user's Jupyter server beside the user's own: it holds no secret of the service."""
