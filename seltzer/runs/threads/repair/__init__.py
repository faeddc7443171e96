"""How a thread is put in order after a run that was stopped, crashed or failed."""
