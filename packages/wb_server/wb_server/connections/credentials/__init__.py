"""The credentials of connections, sealed: one shared by all users, or one for each."""
