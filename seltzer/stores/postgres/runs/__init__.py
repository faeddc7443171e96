"""The rows of runs: submitted, claimed, ended."""
