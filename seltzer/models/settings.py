"""The models' settings, from the environment. The only module here that reads it.

An empty value counts as unset.

| setting | what it does |
|---|---|
| `MODEL` | `demo`; `openai:NAME`; `PROVIDER:NAME` of any provider LangChain's `init_chat_model` knows, whose package is installed; a bare name, for `OPENAI_BASE_URL` or of a provider that its name implies. With `react:` before any of these, or as `react:completion`, a model without tool calling can still use tools. |
| `OPENAI_BASE_URL` | an OpenAI-compatible server (Ollama, llama.cpp, vLLM, ..); needs no key |
| `OPENAI_API_KEY` | the key; alone it selects `gpt-4o-mini` |
| `COMPLETION_MODEL` | the completion graph's model, default `gpt-3.5-turbo-instruct`; `demo` for the scripted one |
| `DEMO_TTFT_MS` | the demo model's time to its first token, default 150 |
| `DEMO_TPS` | the demo model's tokens a second, default 50; 0 is as fast as possible |
| `SELTZER_ACCELERATE` | `off` has OpenAI-compatible streams read by the OpenAI SDK and LangChain alone, several times slower |
"""  # noqa: E501  a table's row is one line

import os
from collections.abc import Mapping
from dataclasses import dataclass

from seltzer.models.errors import ModelNotConfigured


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The models' settings; None is unset."""

    model: str | None = None
    base_url: str | None = None
    api_key: str | None = None
    completion_model: str | None = None
    demo_ttft_ms: float = 150
    demo_tps: float = 50
    accelerate: bool = True

    def __repr__(self) -> str:
        """Leave the key out: a repr ends up in logs."""
        return f"ModelSettings(model={self.model!r}, base_url={self.base_url!r})"


def read_settings(environment: Mapping[str, str] | None = None) -> ModelSettings:
    """Read the settings from the environment as it is now, or from the mapping given.

    Raises ModelNotConfigured for a value that makes no sense.
    """
    env = os.environ if environment is None else environment
    values = {name: env.get(name, "").strip() or None for name in _NAMES}
    return ModelSettings(
        model=values["MODEL"],
        base_url=values["OPENAI_BASE_URL"],
        api_key=values["OPENAI_API_KEY"],
        completion_model=values["COMPLETION_MODEL"],
        demo_ttft_ms=_number("DEMO_TTFT_MS", values["DEMO_TTFT_MS"], default=150),
        demo_tps=_number("DEMO_TPS", values["DEMO_TPS"], default=50),
        accelerate=_is_on("SELTZER_ACCELERATE", values["SELTZER_ACCELERATE"]),
    )


_NAMES = (
    *("MODEL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "COMPLETION_MODEL", "DEMO_TTFT_MS", "DEMO_TPS"),
    "SELTZER_ACCELERATE",
)

_ON = frozenset({"on", "true", "yes", "1", "t", "y"})  # the words the server's own settings accept
_OFF = frozenset({"off", "false", "no", "0", "f", "n"})


def _number(name: str, text: str | None, *, default: float) -> float:
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1
    if not 0 <= value <= 1_000_000:
        raise ModelNotConfigured(f"{name}={text!r} isn't a number from 0 up; set one, or leave it out.")
    return value


def _is_on(name: str, text: str | None) -> bool:
    choice = (text or "on").lower()
    if choice not in _ON | _OFF:
        raise ModelNotConfigured(f"{name}={text!r} is neither on nor off; set one, or leave it out.")
    return choice in _ON
