"""What keeps a run from the rest of its process: contexts, threads, and what a graph may raise."""
