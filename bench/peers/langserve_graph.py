"""LangServe on the bare graph: its tokens are in /stream_events only."""

from fastapi import FastAPI
from langserve import add_routes

from bench.peers.graph import llm, tool

app = FastAPI()
add_routes(app, llm, path="/llm")
add_routes(app, tool, path="/tool")
