"""Seltzer inside a FastAPI app of the user's.

instance.py    Seltzer: graphs, their lifespan, and where they are mounted
routes.py      add_routes, with LangServe's arguments
served.py      where the graphs are served, and who may use them
arguments.py   LangServe's arguments: which are honoured, and why the others aren't
lifespans.py   a lifespan within the app's own
"""

from seltzer.embedding.instance import Seltzer
from seltzer.embedding.routes import add_routes

__all__ = ["Seltzer", "add_routes"]
