"""What can go wrong between a client and the server.

ClientError
├── ServerUnreachable   no answer at all
├── ServerError         the server answered with an error
└── AnswerCutOff        the answer broke off in the middle
"""


class ClientError(Exception):
    """No answer, or not all of it. The text is for people."""


class ServerUnreachable(ClientError):
    """Nothing answers at this URL, or something other than Seltzer does.

    may_have_arrived: the connection broke after the request was sent, at least in part.
    """

    def __init__(self, url: str, reason: str, *, may_have_arrived: bool = False) -> None:
        super().__init__(f"No Seltzer server answers at {url} ({reason})")
        self.url = url
        self.reason = reason
        self.may_have_arrived = may_have_arrived


class ServerError(ClientError):
    """The server refused the request, or the run ended without an answer.

    code is the server's stable error code (`http_503` where it sent none), status the HTTP status (500 for a
    run that failed). retry_after_s: how long to wait before trying again, if the server sent it.
    """

    def __init__(self, code: str, status: int, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{detail} ({code})")
        self.code = code
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s


class AnswerCutOff(ClientError):
    """The answer broke off, and could not be resumed. text is the part that had arrived.

    run_id and cursor are the arguments of `follow` for another try, where there is a run to follow.
    """

    def __init__(self, text: str, reason: str, *, run_id: str = "", cursor: str = "") -> None:
        super().__init__(f"The answer broke off after {len(text)} characters ({reason})")
        self.text = text
        self.reason = reason
        self.run_id = run_id
        self.cursor = cursor
