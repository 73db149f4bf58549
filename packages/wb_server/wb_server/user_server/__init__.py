"""What runs in a person's own Jupyter server, beside their code: it holds no secret of the service."""
