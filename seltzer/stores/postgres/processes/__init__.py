"""The processes on one database: who lives, and the hints that they send each other."""
