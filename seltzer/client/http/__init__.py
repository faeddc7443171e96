"""HTTP: the requests, the connection, and how long to wait before a retry."""
