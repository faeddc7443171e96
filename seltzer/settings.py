"""The server's settings: environment and .env -> one frozen Settings."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, AliasChoices, Field, IPvAnyNetwork, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from seltzer.errors import LoadError

_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?/?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def _origin(text: str) -> str:
    """Return the origin as browsers send it. Raises ValueError."""
    found = _ORIGIN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("an origin is a scheme, a host and maybe a port: https://shop.example.org")
    scheme, host, port = found["scheme"], found["host"], found["port"]
    return f"{scheme}://{host}" + ("" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}")


Origin = Annotated[str, AfterValidator(_origin)]


class Settings(BaseSettings):
    """How the server runs. An argument overrides the environment, which overrides `.env` in the folder."""

    model_config = SettingsConfigDict(
        env_prefix="SELTZER_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    host: str = Field(
        "127.0.0.1", validation_alias=AliasChoices("host", "HOST"), description="Address to listen on."
    )
    port: int = Field(
        8000,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("port", "PORT"),
        description="Port to listen on; 0: any free.",
    )
    config: Path = Field(Path("langgraph.json"), description="The file that names the graphs.")
    strict: bool = Field(False, description="Refuse to start if one of the graphs can't be loaded.")
    no_auth: bool = Field(
        False,
        description="Start though langgraph.json declares `auth`, which isn't honoured: an open server.",
    )
    data: Path = Field(Path(".seltzer"), description="The folder of the server's files.")
    store: Literal["sqlite", "postgres"] | None = Field(
        None, description="Where threads and runs are kept; by default DATABASE_URL decides."
    )
    database_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("database_url", "DATABASE_URL", "DATABASE_URI", "POSTGRES_URI"),
        description="A Postgres database for threads and runs.",
    )
    database_direct_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("database_direct_url", "DATABASE_DIRECT_URL"),
        description="The same database past a connection pooler.",
    )
    database_pool: int = Field(10, ge=2, description="Most connections of this process to the database.")
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="What goes to the log."
    )
    access_log: bool = Field(False, description="Log a line for each request.")
    allowed_hosts: tuple[str, ...] = Field(
        (), description='Names this server may be asked under besides loopback\'s, as JSON: ["example.org"].'
    )
    allowed_origins: tuple[Origin, ...] = Field(
        (),
        description='Other sites whose pages may use this server, as JSON: ["https://shop.example.org"].',
    )
    page: bool = Field(True, description="Serve the page at /; otherwise a browser gets a plain list there.")
    root_path: str = Field(
        "",
        pattern=r"^(/[A-Za-z0-9_~.-]+)*$",
        description="The prefix that a proxy in front removes from paths: /ai.",
    )
    trusted_proxies: tuple[IPvAnyNetwork, ...] = Field(
        (), description='Proxies whose X-Forwarded-Prefix counts, as JSON: ["127.0.0.1", "10.0.0.0/8"].'
    )
    body_limit_bytes: int = Field(
        1_048_576, ge=1, description="Largest request body, without the attachments of messages."
    )
    attachments_limit_bytes: int = Field(
        8_388_608, ge=0, description="Longest attachments of one body, all together, as they are sent."
    )
    body_timeout_s: float = Field(30.0, gt=0, description="Longest a request body may take to arrive.")
    json_depth: int = Field(64, ge=1, description="Deepest nesting in a request body.")
    messages_limit: int = Field(256, ge=1, description="Most messages in one input.")
    message_limit_bytes: int = Field(
        262_144, ge=1, description="Largest message in an input, without its attachments."
    )
    attachment_limit_bytes: int = Field(
        5_242_880, ge=1, description="Largest attachment of a message, such as an image, as a file."
    )
    page_limit_bytes: int = Field(
        1_048_576, ge=1, description="Longest values of a thread's states in one answer."
    )
    batch_limit: int = Field(20, ge=1, description="Most inputs in one batch.")
    runs_limit: int = Field(1_000, ge=1, description="Most runs at once in this process.")
    threads_limit: int = Field(
        512, ge=1, description="Most nodes, tools and edges at once that are plain functions."
    )
    queue_limit: int = Field(100, ge=0, description="Most runs that wait for their turn.")
    steps_default: int = Field(
        100, ge=1, description="Most steps of a run whose graph and request have no limit of their own."
    )
    steps_limit: int = Field(1_000, ge=1, description="Most steps a request may ask for.")
    run_timeout_s: float = Field(600.0, gt=0, description="Longest a run may take.")
    silence_s: float = Field(
        60.0, gt=0, description="Longest a model's provider may be silent, before its answer and amid it."
    )
    retention_s: float = Field(3600.0, gt=0, description="How long an ended run's events are kept.")
    events_limit: int = Field(10_000, ge=100, description="Most events kept of one run.")
    checkpoints_kept: int = Field(20, ge=1, description="How many states of a thread are kept.")
    turns_kept: int = Field(
        0, ge=0, description="How many turns of a thread can be gone back to; 0: all of them."
    )
    drain_s: float = Field(30.0, ge=0, description="How long open answers may continue after a stop.")
    accelerate: bool = Field(True, description="Use fast paths that rest on libraries' internals.")
    ping_s: float = Field(5.0, gt=0, description="Pause after which a silent event stream sends a comment.")


def apply_env(declared: str | Mapping[str, str], root: Path) -> None:
    """Put what langgraph.json's `env` declares into the environment, where what is there already wins.

    The graphs read their model's settings from the environment, also under `langgraph dev`.
    """
    values = dotenv_values(root / declared) if isinstance(declared, str) else declared
    for name, value in values.items():
        if value is not None:
            try:
                os.environ.setdefault(name, value)
            except ValueError as error:
                what = f"langgraph.json's env can't be used: {name!r}"
                raise LoadError(what, str(error), "fix that name or value") from None
