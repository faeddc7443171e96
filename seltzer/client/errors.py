"""What can go wrong between a client and the server.

ClientError
├── ServerUnreachable   nothing was answered
├── ServerError         the server answered with an error
└── AnswerCutOff        the answer broke off in the middle
"""


class ClientError(Exception):
    """An answer could not be had. The text is for people."""


class ServerUnreachable(ClientError):
    """Nothing at this URL answers, or what answers isn't Seltzer.

    may_have_arrived: the request was on its way when the connection broke.
    """

    def __init__(self, url: str, reason: str, *, may_have_arrived: bool = False) -> None:
        super().__init__(f"No Seltzer server answers at {url} ({reason})")
        self.url = url
        self.reason = reason
        self.may_have_arrived = may_have_arrived


class ServerError(ClientError):
    """The server refused the request, or the run ended without an answer.

    code is the server's stable one (`http_503` where it gave none), status the HTTP status (500 for a run
    that failed). retry_after_s: how long to wait before trying again, where that was said.
    """

    def __init__(self, code: str, status: int, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{detail} ({code})")
        self.code = code
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s


class AnswerCutOff(ClientError):
    """The answer broke off, and could not be gone on with. text is what of it had arrived.

    run_id and cursor are what `follow` takes to try once more, where there is a run to follow.
    """

    def __init__(self, text: str, reason: str, *, run_id: str = "", cursor: str = "") -> None:
        super().__init__(f"The answer broke off after {len(text)} characters ({reason})")
        self.text = text
        self.reason = reason
        self.run_id = run_id
        self.cursor = cursor
