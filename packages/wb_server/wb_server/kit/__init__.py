"""The base of every room: errors, the actor, endpoints, the database, blobs, events, paging."""
