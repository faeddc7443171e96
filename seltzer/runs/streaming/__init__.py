"""Events on their way: from an attempt to its readers in this process, and into the log."""
