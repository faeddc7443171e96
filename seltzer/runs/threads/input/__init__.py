"""What a run's input has to do with its thread: checked before it is taken, completed when it begins."""
