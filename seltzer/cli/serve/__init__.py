"""`seltzer serve`: the command, the app it serves, the socket, the server, the banner, the reloader."""
