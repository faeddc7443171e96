"""What a client accepts."""

from starlette.requests import Request


def accepts(request: Request, media_type: str) -> bool:
    """Whether the client accepts the media type by name: `*/*` is what every client sends.

    Reads every Accept header: a list may be sent in several.
    """
    ranges = ",".join(request.headers.getlist("accept")).split(",")
    return any(each.partition(";")[0].strip().lower() == media_type for each in ranges)
