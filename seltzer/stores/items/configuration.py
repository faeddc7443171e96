"""langgraph.json's `store` in the form that LangGraph's own stores take."""

from langchain_core.embeddings import Embeddings
from langgraph.store.base import TTLConfig, ensure_embeddings

from seltzer.errors import LoadError
from seltzer.stores.options import IndexOptions, TtlOptions


def embeddings_of(options: IndexOptions) -> Embeddings:
    """Return what embeds the items; what it needs is imported. Raises LoadError."""
    try:
        return ensure_embeddings(options.embed)
    except Exception as error:
        raise LoadError(
            "the store's index can't be used",
            f"store.index.embed in langgraph.json is {options.embed!r}: {type(error).__name__}: {error}",
            "install the embedding model's package (for openai: pip install langchain-openai) and set its"
            " key, or name a function as ./file.py:function",
        ) from error


def ttl_config(options: TtlOptions | None) -> TTLConfig | None:
    """Return how long items are kept; None if for ever."""
    if options is None:
        return None
    config = TTLConfig(refresh_on_read=options.refresh_on_read, default_ttl=options.default_ttl)
    if options.sweep_interval_minutes is not None:
        config["sweep_interval_minutes"] = options.sweep_interval_minutes
    return config
