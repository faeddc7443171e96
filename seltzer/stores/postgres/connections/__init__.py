"""How a process reaches the database, what its errors mean, and what it may do there."""
