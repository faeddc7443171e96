"""Which model the settings choose. No library of a real model asks its provider anything here."""

import json
import os
import re
import subprocess
import sys

import pytest
from langchain.chat_models import init_chat_model

from seltzer.models import ModelNotConfigured, chat_model, completion_model, describe
from seltzer.models.completion import CompletionChatModel
from seltzer.models.demo import DemoChatModel, DemoCompletion
from seltzer.models.openai.strict import StrictChatOpenAI, StrictOpenAI
from seltzer.models.react import ReActJSONChatModel
from seltzer.models.settings import ModelSettings, read_settings

LOCAL = "http://127.0.0.1:11434/v1"


@pytest.mark.parametrize(
    ("environment", "name", "base_url"),
    [
        ({"OPENAI_API_KEY": "k"}, "gpt-4o-mini", None),
        ({"OPENAI_API_KEY": "k", "MODEL": "openai:gpt-4o"}, "gpt-4o", None),
        ({"OPENAI_API_KEY": "k", "MODEL": "gpt-4o"}, "gpt-4o", None),
        ({"OPENAI_BASE_URL": LOCAL}, "gpt-4o-mini", LOCAL),
        ({"OPENAI_BASE_URL": LOCAL, "MODEL": "llama3:8b"}, "llama3:8b", LOCAL),
        ({"OPENAI_BASE_URL": LOCAL, "MODEL": "llama3"}, "llama3", LOCAL),
        ({"OPENAI_BASE_URL": LOCAL, "MODEL": "openai:llama3:8b"}, "llama3:8b", LOCAL),
        ({"OPENAI_BASE_URL": LOCAL, "OPENAI_API_KEY": "k", "MODEL": "openai:"}, "gpt-4o-mini", LOCAL),
    ],
)
def test_an_openai_compatible_model_is_chosen(
    environment: dict[str, str], name: str, base_url: str | None
) -> None:
    model = chat_model(environment)

    assert isinstance(model, StrictChatOpenAI)
    assert (model.model_name, model.openai_api_base) == (name, base_url)
    assert (described := describe(environment)).name == name
    assert described.base_url == base_url
    assert not described.is_scripted


def test_the_model_of_each_provider_that_langchain_documents_is_not_sent_to_the_base_url() -> None:
    documented = re.findall(r"`(\w+)` +-> \[`langchain", init_chat_model.__doc__ or "")
    others = {each for each in documented if each != "openai"}

    at = {each: describe({"OPENAI_BASE_URL": LOCAL, "MODEL": f"{each}:m"}).base_url for each in others}

    assert at == dict.fromkeys(others)
    assert "anthropic" in others


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"MODEL": ""},
        {"MODEL": "demo", "OPENAI_API_KEY": "k"},
        {"OPENAI_API_KEY": " ", "OPENAI_BASE_URL": ""},
    ],
)
def test_the_demo_is_chosen_if_nothing_else_is(environment: dict[str, str]) -> None:
    assert isinstance(chat_model(environment), DemoChatModel)
    assert describe(environment).is_scripted


@pytest.mark.parametrize(
    ("environment", "hint"),
    [
        ({"MODEL": "openai:gpt-4o"}, "OPENAI_API_KEY"),
        ({"MODEL": "gpt-4o", "OPENAI_API_KEY": ""}, "OPENAI_API_KEY"),
        ({"MODEL": "react:openai:gpt-4o"}, "OPENAI_API_KEY"),
        ({"MODEL": "react:demo"}, "MODEL=demo"),
        ({"MODEL": "react:"}, "MODEL=demo"),
        ({"MODEL": "nobody:knows"}, "can't be used"),
        ({"MODEL": "nobody-knows"}, "can't be used"),
        ({"MODEL": "azure_openai:gpt-4"}, "MODEL='azure_openai:gpt-4' can't be used: "),
        ({"MODEL": "groq:llama", "OPENAI_BASE_URL": LOCAL}, "langchain-groq"),
        ({"DEMO_TPS": "fast"}, "DEMO_TPS='fast'"),
        ({"DEMO_TTFT_MS": "-1"}, "DEMO_TTFT_MS='-1'"),
        ({"DEMO_TTFT_MS": "nan"}, "DEMO_TTFT_MS='nan'"),
    ],
)
def test_what_cant_be_built_is_one_clear_line_and_never_the_demo(
    environment: dict[str, str], hint: str
) -> None:
    with pytest.raises(ModelNotConfigured) as failure:
        chat_model(environment)

    assert hint in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"OPENAI_API_KEY": "k"}, "gpt-3.5-turbo-instruct"),
        ({"OPENAI_BASE_URL": LOCAL, "COMPLETION_MODEL": "llama3"}, "llama3"),
        ({"OPENAI_API_KEY": "k", "COMPLETION_MODEL": ""}, "gpt-3.5-turbo-instruct"),
    ],
)
def test_a_real_completion_model_is_chosen(environment: dict[str, str], name: str) -> None:
    model = completion_model(environment)

    assert isinstance(model, StrictOpenAI)
    assert model.model_name == name
    assert (described := describe(environment)).completion == name
    assert not described.completion_is_scripted


@pytest.mark.parametrize(
    "environment",
    [{}, {"COMPLETION_MODEL": "gpt-3.5-turbo-instruct"}, {"OPENAI_API_KEY": "k", "COMPLETION_MODEL": "demo"}],
)
def test_without_a_key_the_completion_model_is_scripted_and_states_it(environment: dict[str, str]) -> None:
    assert isinstance(completion_model(environment), DemoCompletion)
    assert describe(environment).completion_is_scripted


def test_react_wraps_a_chat_model_or_the_completion_model() -> None:
    around_chat = chat_model({"MODEL": "react:llama3", "OPENAI_BASE_URL": LOCAL})
    around_completion = chat_model({"MODEL": "react:completion", "OPENAI_API_KEY": "k"})

    assert isinstance(around_chat, ReActJSONChatModel)
    assert isinstance(around_chat.inner, StrictChatOpenAI)
    assert isinstance(around_completion, ReActJSONChatModel)
    assert isinstance(around_completion.inner, CompletionChatModel)
    assert describe({"MODEL": "react:llama3", "OPENAI_BASE_URL": LOCAL}).name == "react:llama3"
    assert describe({"MODEL": "react:completion"}).is_scripted


def test_the_description_is_what_a_banner_prints() -> None:
    assert (
        str(describe({})) == "demo (scripted) - set OPENAI_API_KEY, OPENAI_BASE_URL or MODEL for a real one"
    )
    assert str(describe({"OPENAI_BASE_URL": LOCAL, "MODEL": "llama3"})) == f"llama3 at {LOCAL}"
    assert str(describe({"OPENAI_API_KEY": "k"})) == "gpt-4o-mini"
    assert describe({}).lines == (
        "chat: demo (scripted; for a real one set MODEL, OPENAI_API_KEY or OPENAI_BASE_URL)",
        "completion: demo (scripted)",
    )
    assert describe({"OPENAI_BASE_URL": LOCAL, "MODEL": "llama3"}).lines == (
        f"chat: llama3 at {LOCAL}",
        f"completion: gpt-3.5-turbo-instruct at {LOCAL}",
    )


def test_the_settings_are_read_when_asked_and_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL", " openai:one ")
    assert read_settings().model == "openai:one"

    monkeypatch.setenv("MODEL", "openai:two")
    assert read_settings().model == "openai:two"


def test_the_key_is_in_no_repr() -> None:
    assert "secret" not in repr(ModelSettings(api_key="secret"))
    assert "secret" not in repr(chat_model({"OPENAI_API_KEY": "secret"}))


def test_importing_the_graphs_needs_no_key_and_no_library_of_a_real_model() -> None:
    source = (
        "import sys, json, graphs.agent, graphs.approval, graphs.llm, graphs.completion;"
        "print(json.dumps([m for m in ('langchain_openai', 'openai', 'langchain') if m in sys.modules]))"
    )
    bare = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "VIRTUAL_ENV") if name in os.environ}

    printed = subprocess.run(
        [sys.executable, "-c", source], env=bare, capture_output=True, text=True, check=True
    )

    assert json.loads(printed.stdout) == []


def test_importing_a_graph_whose_model_lacks_its_key_raises_a_clear_error() -> None:
    bare = {"PATH": os.environ["PATH"], "MODEL": "openai:gpt-4o"}

    result = subprocess.run(
        [sys.executable, "-c", "import graphs.agent"], env=bare, capture_output=True, text=True, check=False
    )

    assert result.returncode == 1
    assert "ModelNotConfigured: MODEL='openai:gpt-4o' needs a key" in result.stderr.splitlines()[-1]
