"""This deployment's server: a FastAPI app of our own, with the graphs of langgraph.json in it.

`make run` serves it, and so do `seltzer serve --app app.main:app` and
`uvicorn app.main:app --timeout-graceful-shutdown 2`, which would else wait for open streams before it stops.
Without such a file, `seltzer serve` serves the same routes.
"""

from pathlib import Path

from fastapi import FastAPI

from seltzer import Seltzer, add_routes

PROJECT = Path(__file__).parents[1]

# The graphs, their threads and runs. Settings come from the environment and .env: docs/reference/settings.md.
seltzer = Seltzer(config=PROJECT / "langgraph.json")

# An app like any other. A lifespan of your own may open what your routes need, and `async with
# seltzer.lifespan(app):` in it; docs/how-to/embed.md has an example.
app = FastAPI(
    title="Seltzer",
    summary="LangGraph agents, streamed token by token",
    lifespan=seltzer.lifespan,
    docs_url=None,  # seltzer.serve_docs serves it, from installed files
    redoc_url=None,
)

# Refuse foreign hosts, give every error one shape and every response an id. Before any other middleware.
seltzer.guard(app)

# Your own middleware goes here: app.add_middleware(CORSMiddleware, allow_origins=["https://example.org"])

# Each graph at its path, /{name}: LangServe's endpoints and playground, runs, threads. A graph can have
# dependencies of its own, such as one that checks a key: add_routes(.., dependencies=[Depends(check_key)]).
# /chat doesn't ask such a graph; the dependencies of mount() are of /chat, too.
for graph in seltzer.graphs.values():
    add_routes(app, graph, path=graph.path, seltzer=seltzer)

# The protocols beside them: /chat, /health, /ready, and the front page at /.
seltzer.mount(app)

seltzer.serve_docs(app)  # /docs, which works offline

# Your own routes go here: @app.get("/hello"), app.include_router(..).
