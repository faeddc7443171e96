"""Finds the emails that a sentence asks to send."""

import re
from collections.abc import Sequence

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_IS_REQUEST = re.compile(r"\b(?:e-?mail|mail|send|write)\b|メール|送|伝え|邮|发|寄|写信", re.IGNORECASE)
_BODY = re.compile(
    r"[「『“\"](?P<quoted>[^」』”\"]+)|(?:[:：]|\b(?:saying|that says)\b)\s*(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_SUBJECT_CHARS = 40


def find(question: str, default_body: str) -> Sequence[dict[str, str]]:
    """Return the arguments of an email to each address in the sentence; () if it asks for none.

    The text is what is in quotation marks, or after a colon.
    """
    addresses = list(dict.fromkeys(_ADDRESS.findall(question)))
    if not addresses or not _IS_REQUEST.search(question):
        return ()
    found = _BODY.search(_ADDRESS.sub(" ", question))
    body = (found["quoted"] or found["rest"]).strip() if found else ""
    body = body or default_body
    subject = body.splitlines()[0][:_SUBJECT_CHARS]
    return [{"to": address, "subject": subject, "body": body} for address in addresses]
