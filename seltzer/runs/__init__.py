"""What a run is: its events, its log's port, and the engine that executes it. No HTTP, no SQL."""
