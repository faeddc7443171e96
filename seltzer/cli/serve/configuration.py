"""uvicorn's configuration and logging's: all logs go to stderr, so that stdout has the banner alone."""

import sys
from typing import Any, Final, Literal

import uvicorn

from seltzer.settings import Settings

CUT_S: Final = 2  # how long answers may take to end after the drain, before their connections are cut


def uvicorn_config(
    settings: Settings,
    app: Any,
    *,
    factory: bool = False,
    reload: bool = False,
    lifespan: Literal["auto", "on", "off"] = "auto",
) -> uvicorn.Config:
    """Return the configuration that serves the app, or reloads it by its name."""
    return uvicorn.Config(
        app,
        factory=factory,
        reload=reload,
        host=settings.host,
        port=settings.port,
        loop="auto" if sys.platform == "win32" else "uvloop",
        http="httptools",
        lifespan=lifespan,
        access_log=settings.access_log,
        log_config=_log_config(settings.log_level.upper()),
        timeout_graceful_shutdown=CUT_S,
        server_header=False,
        proxy_headers=not settings.trusted_proxies,  # uvicorn would put the client's address for the proxy's
    )


def _log_config(level: str) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
            "access": {
                "()": "uvicorn.logging.AccessFormatter",
                "fmt": '%(asctime)s %(client_addr)s "%(request_line)s" %(status_code)s',
                "use_colors": False,
            },
        },
        "handlers": {
            "plain": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"},
            "access": {"class": "logging.StreamHandler", "formatter": "access", "stream": "ext://sys.stderr"},
        },
        "root": {"handlers": ["plain"], "level": "WARNING"},
        "loggers": {
            "seltzer": {"level": level},
            "graphs": {"level": level},
            "uvicorn": {"level": "INFO" if level == "DEBUG" else "WARNING"},
            "uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False},
        },
    }
