"""What an operator does with the SQLite files, beside a running server too: backup, doctor, migrate."""
