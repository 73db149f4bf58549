"""What may run: permits, statements, dialects."""
