"""Where things live: each store satisfies the ports of seltzer.runs.ports."""
