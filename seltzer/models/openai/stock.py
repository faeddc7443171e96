"""Accelerates people's own ChatOpenAIs, where the libraries are as they are known to be."""

from collections.abc import Callable

from seltzer.models.openai import requirements


def stock_installer() -> Callable[[], Callable[[], None]] | None:
    """Return what has plain ChatOpenAIs called as our own model is, and returns what ends that.

    It may be called again only after that. None, after one warning, if it can't be done.
    """
    missing = requirements.first_missing_for_stock()
    if missing is None:
        from seltzer.models.openai.accelerated import AcceleratedChatOpenAI  # noqa: PLC0415  httpx2 is optional
        from seltzer.models.openai.accelerated.stock import install  # noqa: PLC0415  as above

        if AcceleratedChatOpenAI.model_construct().makes_known_chunks():
            return install
        missing = requirements.KNOWN_CHUNKS
    requirements.warn_once(missing)
    return None
