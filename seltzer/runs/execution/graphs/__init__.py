"""Driving a graph: in place where LangGraph allows it, by its own stream elsewhere; and what it is given."""
