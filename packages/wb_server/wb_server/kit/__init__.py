"""What every room stands on: errors, the actor, endpoints, the database, blobs, events, paging."""
