"""Where the API is served: the service host, the Jupyter host, the gateway."""
