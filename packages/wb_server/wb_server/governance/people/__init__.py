"""The users and groups that something can be shared with."""
