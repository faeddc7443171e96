"""Chooses the model by the settings: MODEL, else OPENAI_BASE_URL, else OPENAI_API_KEY, else the demo.

A model that is configured but can't be built is an error, never a silent demo. The libraries of real models
are imported here when one is chosen, and not before: importing langchain_openai alone needs a second.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from langchain_core.language_models import BaseChatModel, BaseLLM

from seltzer.models.completion import CompletionChatModel
from seltzer.models.demo import DemoChatModel, DemoCompletion, Pace
from seltzer.models.errors import ModelNotConfigured
from seltzer.models.settings import ModelSettings, read_settings

DEFAULT_CHAT_MODEL = "gpt-4o-mini"
DEFAULT_COMPLETION_MODEL = "gpt-3.5-turbo-instruct"
_REACT = "react:"
_PROVIDERS = re.compile(  # those that init_chat_model documents
    "anthropic|anthropic_bedrock|azure_ai|azure_openai|baseten|bedrock|bedrock_converse"
    "|bedrock_mantle_anthropic|bedrock_mantle_openai|cohere|deepseek|fireworks|google_anthropic_vertex"
    "|google_genai|google_vertexai|groq|huggingface|ibm|langsmith|litellm|meta|mistralai|nvidia|ollama|openai"
    "|openrouter|perplexity|together|upstage|xai"
)
_OPENAI_NAMES = re.compile(r"gpt-|chatgpt|o\d")


@dataclass(frozen=True, slots=True)
class Choice:
    """A model to build: `completion` is one inside ReAct JSON, `other` is built by init_chat_model."""

    kind: Literal["demo", "openai", "completion", "other"]
    name: str
    is_react: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """The models in use, for people to read. base_url is None unless OPENAI_BASE_URL is used."""

    name: str
    is_scripted: bool
    base_url: str | None
    completion: str
    completion_is_scripted: bool

    @property
    def lines(self) -> tuple[str, str]:
        """The models as a server's banner shows them."""
        return self._lines(f" at {self.base_url}" if self.base_url else "")

    @property
    def public_lines(self) -> tuple[str, str]:
        """The models as anyone may see them: their server's address may be an internal one."""
        return self._lines("")

    def _lines(self, where: str) -> tuple[str, str]:
        scripted = " (scripted; for a real one set MODEL, OPENAI_API_KEY or OPENAI_BASE_URL)"
        chat = f"chat: {self.name}{scripted if self.is_scripted else where}"
        completion = f"completion: {self.completion}{' (scripted)' if self.completion_is_scripted else where}"
        return chat, completion

    def __str__(self) -> str:
        if self.is_scripted:
            return "demo (scripted) - set OPENAI_API_KEY, OPENAI_BASE_URL or MODEL for a real one"
        return f"{self.name} at {self.base_url}" if self.base_url else self.name


def chat_model(environment: Mapping[str, str] | None = None) -> BaseChatModel:
    """Build the chat model the settings name. Raises ModelNotConfigured."""
    settings = read_settings(environment)
    choice = choose(settings)
    model = _build(choice, settings)
    if not choice.is_react:
        return model
    from seltzer.models.react import ReActJSONChatModel  # noqa: PLC0415  only when chosen

    return ReActJSONChatModel(inner=model)


def completion_model(environment: Mapping[str, str] | None = None) -> BaseLLM:
    """Build the completion model: LangChain's OpenAI, or without a key and a base URL the scripted one."""
    return _build_completion(read_settings(environment))


def _build_completion(settings: ModelSettings) -> BaseLLM:
    name = _completion_name(settings)
    if name == "demo":
        return DemoCompletion(pace=_pace(settings))
    from seltzer.models.openai import openai_completion  # noqa: PLC0415  takes a second

    return openai_completion(name, settings.api_key, settings.base_url)


def describe(environment: Mapping[str, str] | None = None) -> Description:
    """Describe which models the settings choose, without building them. Raises ModelNotConfigured."""
    settings = read_settings(environment)
    choice = choose(settings)
    completion = _completion_name(settings)
    is_scripted = choice.name == "demo"
    is_openai = choice.kind in ("openai", "completion") and not is_scripted
    return Description(
        name=f"{_REACT}{choice.name}" if choice.is_react else choice.name,
        is_scripted=is_scripted,
        base_url=settings.base_url if is_openai else None,
        completion=completion,
        completion_is_scripted=completion == "demo",
    )


def choose(settings: ModelSettings) -> Choice:
    """Apply the order of priority. Raises ModelNotConfigured for a model without the key it needs."""
    named = settings.model or ""
    is_react = named.startswith(_REACT)
    if named == f"{_REACT}completion":
        return Choice("completion", _completion_name(settings), is_react)
    choice = _choose(named.removeprefix(_REACT), settings)
    if is_react and choice.kind == "demo":
        raise ModelNotConfigured(
            f"MODEL={named!r}: the demo model calls tools by itself; use MODEL=demo, or react: with another."
        )
    if choice.kind == "openai" and not (settings.api_key or settings.base_url):
        raise ModelNotConfigured(
            f"MODEL={named!r} needs a key; set OPENAI_API_KEY, or OPENAI_BASE_URL for a server without keys, "
            "or MODEL=demo for the scripted model."
        )
    return Choice(choice.kind, choice.name, is_react)


def _choose(named: str, settings: ModelSettings) -> Choice:
    if not named:
        is_real = settings.base_url or settings.api_key
        return Choice("openai", DEFAULT_CHAT_MODEL) if is_real else Choice("demo", "demo")
    if named == "demo":
        return Choice("demo", "demo")
    if named.startswith("openai:"):
        return Choice("openai", named.removeprefix("openai:") or DEFAULT_CHAT_MODEL)
    if _OPENAI_NAMES.match(named) or (settings.base_url and not _names_a_provider(named)):
        return Choice("openai", named)
    return Choice("other", named)


def _names_a_provider(named: str) -> bool:
    """Distinguish "anthropic:claude" from "llama3:8b", a name with a tag."""
    provider, colon, _ = named.partition(":")
    return bool(colon and _PROVIDERS.fullmatch(provider))


def _build(choice: Choice, settings: ModelSettings) -> BaseChatModel:
    if choice.kind == "demo":
        return DemoChatModel(pace=_pace(settings))
    if choice.kind == "openai":
        from seltzer.models.openai import openai_chat  # noqa: PLC0415  takes a second

        return openai_chat(choice.name, settings.api_key, settings.base_url, accelerate=settings.accelerate)
    if choice.kind == "completion":
        return CompletionChatModel(completion=_build_completion(settings))
    return _other(choice.name)


def _other(name: str) -> BaseChatModel:
    from langchain.chat_models import init_chat_model  # noqa: PLC0415  takes a second

    try:
        return init_chat_model(name)
    except Exception as error:  # a provider's SDK has errors of its own for a missing key
        # The providers' own messages name the missing package or key in their first line.
        why = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelNotConfigured(f"MODEL={name!r} can't be used: {why}") from error


def _completion_name(settings: ModelSettings) -> str:
    if not (settings.api_key or settings.base_url):
        return "demo"
    return settings.completion_model or DEFAULT_COMPLETION_MODEL


def _pace(settings: ModelSettings) -> Pace:
    return Pace.of(ttft_ms=settings.demo_ttft_ms, tps=settings.demo_tps)
