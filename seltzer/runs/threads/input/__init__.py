"""What a run's input has to do with its thread: checked when it is submitted, completed when it begins."""
