"""The yardstick: a proxy that hands the upstream's bytes on, with starlette and httpx, without a graph."""

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from bench.peers.upstream_url import UPSTREAM_URL

client = httpx.AsyncClient(
    base_url=UPSTREAM_URL,
    timeout=None,
    limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
)


async def relay(request: Request) -> StreamingResponse:
    asked = client.build_request(
        "POST",
        "chat/completions",
        content=await request.body(),
        headers={"content-type": "application/json"},
    )
    answer = await client.send(asked, stream=True)
    return StreamingResponse(
        answer.aiter_raw(),
        answer.status_code,
        media_type=answer.headers["content-type"],
        background=BackgroundTask(answer.aclose),
    )


app = Starlette(routes=[Route("/v1/chat/completions", relay, methods=["POST"])])
