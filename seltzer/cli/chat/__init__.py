"""`seltzer chat`: where answers come from, and how they are shown."""
