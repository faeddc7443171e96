"""`seltzer serve`: the socket, the server, the banner, the reloader."""
