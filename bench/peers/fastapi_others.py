"""The same by hand around other providers' models."""

from bench.others import anthropic, gemini, ollama
from bench.peers.fastapi_astream import app, mount

mount("/anthropic", anthropic)
mount("/ollama", ollama)
mount("/gemini", gemini)

__all__ = ["app"]
