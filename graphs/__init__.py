"""The graphs this server serves: one file an agent, each usable on its own. They import nothing from app."""
