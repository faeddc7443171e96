"""One attempt at a run by this process: claimed, executed in a task of its own, translated, ended."""
