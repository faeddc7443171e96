"""The graphs that Seltzer serves in the benchmarks: one call of the model; one with a tool called first.

`stock` and `agent` are a user's own: LangChain's ChatOpenAI, which reads OPENAI_BASE_URL and OPENAI_API_KEY.
"""

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI

from bench.shapes import look, with_tool
from graphs.bare import build
from seltzer.models import chat_model

llm = build(chat_model())
tool = with_tool(chat_model())
stock = build(ChatOpenAI(model="gpt-4o-mini", stream_usage=True))
agent = create_agent(ChatOpenAI(model="gpt-4o-mini", stream_usage=True), [look])
