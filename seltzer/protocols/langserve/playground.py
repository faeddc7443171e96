"""The playgrounds' pages and files, as LangServe has them.

1. A page gets the base URL that its client sees, and only files that are the playground's.
2. A page whose scripts don't load isn't blank: it names what a proxy in front may leave out.
"""

from functools import wraps
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import langserve
from starlette.requests import Request
from starlette.responses import Response

from seltzer.errors import NotFound
from seltzer.protocols.http.routes import Endpoint, public_path

_EMPTY_ROOT: Final = b'<div id="root"></div>'
_NOTICE: Final = b"""<style>
      #notice { animation: notice 2s; font: 1em/1.5 sans-serif; margin: 3em auto; max-width: 40em }
      @keyframes notice { 0%, 90% { opacity: 0 } }
    </style>
    <div id="root"><div id="notice"><h1>The playground's scripts didn't load</h1>
      <p>If a proxy stands between this page and the server, let it pass on the <code>Host</code> header
      that your browser sends: in nginx <code>proxy_set_header Host $http_host;</code>. If the server's own
      name is another, name this one in <code>SELTZER_ALLOWED_HOSTS</code>. The server's log says what it
      refused.</p>
    </div></div>"""


def serves_playground(path: str, endpoint: Endpoint) -> Endpoint:
    """Return what answers in place of an endpoint that serves the playground of the graph at path."""

    @wraps(endpoint)
    async def serve(request: Request, file_path: str, **parameters: Any) -> Response:
        if file_path and file_path not in _PLAYGROUND_FILES:  # LangServe would open whatever it names
            raise NotFound("there is no such file")
        graph = unquote(public_path(request.scope)).removesuffix(f"/playground/{file_path}")
        if config_hash := request.path_params.get("config_hash"):
            graph = graph.removesuffix(f"/c/{config_hash}")
        scope = {**request.scope, "root_path": graph.removesuffix(path)}
        page = await endpoint(request=Request(scope, request.receive), file_path=file_path, **parameters)
        return page if file_path else _with_notice(page)

    return serve


def _with_notice(page: Response) -> Response:
    """Return the playground's page with what it shows as long as its scripts are missing."""
    return Response(bytes(page.body).replace(_EMPTY_ROOT, _NOTICE), media_type=page.media_type)


def _files_of(*playgrounds: str) -> frozenset[str]:
    roots = [Path(langserve.__file__).parent / each / "dist" for each in playgrounds]
    return frozenset(
        str(file.relative_to(root)) for root in roots for file in root.rglob("*") if file.is_file()
    )


_PLAYGROUND_FILES: Final = _files_of("playground", "chat_playground")
