"""What can go wrong between a client and the server.

ClientError
├── ServerUnreachable   nothing was answered
├── ServerError         the server answered with an error
└── AnswerCutOff        the answer broke off in the middle
"""


class ClientError(Exception):
    """An answer could not be had. The text is for people."""


class ServerUnreachable(ClientError):
    """Nothing at this URL answers, or what answers isn't Seltzer."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"No Seltzer server answers at {url} ({reason})")
        self.url = url
        self.reason = reason


class ServerError(ClientError):
    """The server refused the request, or the run failed in the middle of the answer.

    code is the server's stable one (`http_503` where it gave none), status the HTTP status.
    """

    def __init__(self, code: str, status: int, detail: str) -> None:
        super().__init__(f"{detail} ({code})")
        self.code = code
        self.status = status
        self.detail = detail


class AnswerCutOff(ClientError):
    """The body broke off, or fell silent, before the answer's end. text is what had arrived."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"The answer broke off after {len(text)} characters ({reason})")
        self.text = text
        self.reason = reason
