"""Who may do what, who did what, and the keys to secrets."""
