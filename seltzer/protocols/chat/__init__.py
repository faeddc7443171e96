"""The tutorial's REST: /chat, which streams the final answer's tokens.

routes.py   the routes: questions on the wire -> runs
answer.py   the answer as plain text or JSON
events.py   the answer as server-sent events
"""

from seltzer.protocols.chat.routes import PROTOCOL, router

__all__ = ["PROTOCOL", "router"]
