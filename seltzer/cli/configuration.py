"""The settings a command runs with: its flags over the environment over .env."""

import logging

import typer
from pydantic import ValidationError

from seltzer.settings import Settings


def read_settings(**flags: object) -> Settings:
    """Return the settings; a flag that is None wasn't given. Raises a usage error naming the bad setting."""
    try:
        return Settings.model_validate({name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise typer.BadParameter(f"{first['msg']}, but it is {first['input']!r}", param_hint=name) from None


def silence_log() -> None:
    """Drop what nobody has asked to log: a command that prints its errors itself prints them once."""
    logging.getLogger().addHandler(logging.NullHandler())
