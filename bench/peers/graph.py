"""The peers' graphs: Seltzer's shapes around LangChain's own ChatOpenAI, which is what people have in them.

ChatOpenAI reads OPENAI_BASE_URL and OPENAI_API_KEY by itself.
"""

from langchain_openai import ChatOpenAI

from bench.shapes import with_tool
from graphs.bare import build

llm = build(ChatOpenAI(model="gpt-4o-mini", stream_usage=True))
tool = with_tool(ChatOpenAI(model="gpt-4o-mini", stream_usage=True))
