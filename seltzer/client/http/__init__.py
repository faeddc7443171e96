"""Requests to a server: what is asked, the connection, and how long to wait before the next try."""
