"""What becomes of the graphs' store where the package that it stands on isn't installed."""

import logging

from seltzer.errors import LoadError
from seltzer.stores.options import StoreOptions

log = logging.getLogger(__name__)


def without_items(error: ImportError, options: StoreOptions | None, package: str) -> None:
    """Log that graphs have no store. Raises LoadError if langgraph.json wants something of it."""
    install = f"pip install {package}"
    if options is not None and (options.index or options.ttl):
        raise LoadError(
            "langgraph.json's `store` can't be honoured", f"a package is missing: {error}", install
        ) from error
    log.warning("graphs have no store: %s (%s)", install, error)
