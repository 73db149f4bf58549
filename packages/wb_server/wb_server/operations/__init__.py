"""Backup, restore, and the copy before a migration."""
