"""Someone leaves: what they own passes to others, and what gave them access ends."""
