"""The bare chat model, without tools: the tutorials' first step."""

from graphs.bare import build
from seltzer.models import chat_model

graph = build(chat_model())
