"""Tests of the user's rooms: the graphs, their tool and their models."""
