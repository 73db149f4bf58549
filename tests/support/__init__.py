"""Real servers for the tests and benchmarks, started on loopback."""
