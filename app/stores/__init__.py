"""Where things live: each store satisfies the ports of app.runs.ports."""
