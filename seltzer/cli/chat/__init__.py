"""`seltzer chat`: the command, the sources of answers, the screen, the session."""
