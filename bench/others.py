"""Graphs of one call around other providers' models: Seltzer's in the benchmarks, and its peers'.

OPENAI_BASE_URL says where the upstream is, which speaks for all of them.
"""

from langchain_anthropic import ChatAnthropic
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_ollama import ChatOllama

from bench.peers.upstream_url import UPSTREAM_URL
from graphs.bare import build

_URL = UPSTREAM_URL.removesuffix("/v1")

anthropic = build(ChatAnthropic(model="claude", base_url=_URL, api_key="bench", max_tokens=10_000))
ollama = build(ChatOllama(model="llama", base_url=_URL))
gemini = build(ChatGoogleGenerativeAI(model="gemini", base_url=_URL, api_key="bench"))
