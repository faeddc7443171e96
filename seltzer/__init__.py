"""Seltzer: the open, self-hosted server that streams LangGraph agents, token by token."""

__version__ = "0.1.0"
