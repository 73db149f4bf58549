"""Who there is: the users and groups that something can be shared with."""
