"""Driving a graph: in place where LangGraph allows it, else by its own stream; its input and its config."""
