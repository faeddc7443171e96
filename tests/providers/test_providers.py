"""People's own models, untouched: what they answer, and what becomes of each way they can fail."""

from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.protocols.behaviours import sse
from tests.providers.agents import CLASSES, FAKE, INSTALLED, RAN, WAITING
from tests.providers.scenarios import WORDS

pytestmark = [
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),  # the SDK's, of an answer in a form
    # google.genai makes a session class of its own, and leaves bodies of errors unread
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:coroutine 'ClientResponse.json' was never:RuntimeWarning"),
]
TEXT = "".join(WORDS)


def of_providers(*names: str) -> pytest.MarkDecorator:
    """Run the test for these providers, as far as their packages are installed."""
    marks = {name: pytest.mark.skipif(name not in INSTALLED, reason="isn't installed") for name in names}
    return pytest.mark.parametrize("provider", [pytest.param(name, marks=marks[name]) for name in names])


every_provider = of_providers(*CLASSES)
every_package = of_providers(*(name for name in CLASSES if name not in ("azure", "litellm")))
# The arguments of a call come as text from these: the others' are objects, of which no half can be sent.
SPELLED = ("openai", "azure", "litellm", "responses", "anthropic", "mistral", "bedrock")
AUTH, ERROR, TRUNCATED = "upstream_auth", "upstream_error", "upstream_truncated"
LIMITED, BROKEN = "upstream_rate_limited", "upstream_malformed"
FAULTS: dict[str, tuple[str, int, bool]] = {  # scenario -> code, status, whether it is retryable
    "cut": (TRUNCATED, 502, True),
    "nothing": (TRUNCATED, 502, True),
    "reset": ("upstream_disconnected", 502, True),
    "garbage": (BROKEN, 502, True),
    "400": (ERROR, 502, False),
    "401": (AUTH, 502, False),
    "403": (AUTH, 502, False),
    "404": ("model_not_found", 502, False),
    "429": (LIMITED, 429, True),
    "500": (ERROR, 502, True),
    "503": (ERROR, 502, True),
}
IN_STREAM = ("cut", "reset", "garbage")  # after the first words
every_fault = pytest.mark.parametrize("fault", FAULTS)


@dataclass(slots=True)
class Ran:
    """A run, as its events tell it."""

    last: str = ""
    data: Any = None
    text: str = ""
    thoughts: str = ""
    calls: dict[int, str] = field(default_factory=dict)
    message_ids: list[str] = field(default_factory=list)


def run(client: httpx.Client, graph: str, scenario: str, thread_id: str | None = None) -> Ran:
    """Run the graph by the native route, and read its events."""
    body = {"input": f"scenario:{scenario}"} | ({"thread_id": thread_id} if thread_id else {})
    ran = Ran()
    headers = {"accept": "text/event-stream"}
    with client.stream("POST", f"/{graph}/runs", json=body, headers=headers) as response:
        for event, data in sse(response):
            if event == "token":
                ran.text += data["text"]
            elif event == "reasoning":
                ran.thoughts += data["text"]
            elif event == "message":
                ran.message_ids.append(data["message_id"])
            elif event == "tool_call":
                ran.calls[data["index"]] = ran.calls.get(data["index"], "") + data["args"]
            elif event in ("finished", "failed"):
                ran.last, ran.data = event, data
    return ran


def messages(client: httpx.Client, graph: str, thread_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/{graph}/threads/{thread_id}").json()["values"]["messages"]
    return found


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    RAN.clear()


@every_provider
@pytest.mark.parametrize("kind", ["agent", "loop", "stream"])
def test_an_answer_is_one_message_of_the_threads_id(client: httpx.Client, provider: str, kind: str) -> None:
    graph = f"{provider}-{kind}"
    thread_id = f"plain-{graph}"

    answered = run(client, graph, "plain", thread_id)

    assert (answered.last, answered.text) == ("finished", TEXT)
    assert answered.message_ids == [messages(client, graph, thread_id)[-1]["id"]]
    assert answered.data["usage"]["input_tokens"] == 3


@of_providers(*(name for name in CLASSES if name != "azure"))  # whose chat completions have none
def test_thinking_is_told_apart_from_the_answer(client: httpx.Client, provider: str) -> None:
    thought = run(client, f"{provider}-agent", "thinking")

    assert thought.text == TEXT
    assert thought.thoughts == "hm, well"


@every_provider
def test_thinking_in_tags_is_never_the_answer(client: httpx.Client, provider: str) -> None:
    graph = f"{provider}-agent"

    events = run(client, graph, "tagged")
    whole = client.post(f"/{graph}/invoke", json={"input": "scenario:tagged"}).json()["output"]
    text = client.post("/chat", json={"text": "scenario:tagged", "graph": graph}).text

    assert (events.text, events.thoughts) == (TEXT, "hm, well")
    assert whole == text == TEXT


@every_provider
@pytest.mark.parametrize("kind", ["agent", "loop", "stream"])
def test_parallel_calls_are_told_apart_and_run(client: httpx.Client, provider: str, kind: str) -> None:
    called = run(client, f"{provider}-{kind}", "calls")

    assert (called.last, called.text) == ("finished", "It is 12.")
    assert sorted(called.calls.values()) == ['{"a": 6}', '{"a": 7}']
    assert sorted(RAN) == [(6, ""), (7, "")]


@every_provider
@every_fault
def test_a_fault_ends_the_run_with_its_code(client: httpx.Client, provider: str, fault: str) -> None:
    code, _, retryable = FAULTS[fault]

    failed = run(client, f"{provider}-agent", fault)

    assert failed.last == "failed"
    assert (failed.data["code"], failed.data["retryable"]) == (code, retryable)
    assert failed.data["retry_after_s"] == (0.5 if fault == "429" else None)
    assert failed.text == (TEXT if fault in IN_STREAM else "")
    assert "SECRET" not in str(failed.data)


@every_package
@every_fault
def test_chat_has_the_faults_status_or_is_cut(client: httpx.Client, provider: str, fault: str) -> None:
    code, status, _ = FAULTS[fault]
    body = {"text": f"scenario:{fault}", "graph": f"{provider}-agent"}

    with client.stream("POST", "/chat", json=body) as response:
        if fault in IN_STREAM:
            with pytest.raises(httpx.RemoteProtocolError):
                response.read()
            return
        problem = response.read()

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers.get("retry-after") == ("1" if fault == "429" else None)
    assert b"SECRET" not in problem


@every_package
@every_fault
def test_langserve_has_the_fault_in_its_error_event(client: httpx.Client, provider: str, fault: str) -> None:
    code, status, retryable = FAULTS[fault]
    body = {"input": f"scenario:{fault}"}

    with client.stream("POST", f"/{provider}-agent/stream", json=body) as response:
        frames = list(sse(response))
    events, data = [event for event, _ in frames], [data for event, data in frames if event == "error"]

    assert events[-1] == "error"
    assert (data[0]["code"], data[0]["status_code"], data[0]["retryable"]) == (code, status, retryable)
    assert data[0].get("retry_after_s") == (0.5 if fault == "429" else None)
    assert "SECRET" not in str(frames)


@every_provider
@pytest.mark.parametrize("kind", ["loop", "stream"])
@pytest.mark.parametrize("fault", ["cut", "reset", "429"])
def test_a_fault_is_the_same_in_a_plain_function_and_in_a_stream(
    client: httpx.Client, provider: str, kind: str, fault: str
) -> None:
    failed = run(client, f"{provider}-{kind}", fault)

    assert failed.data["code"] == FAULTS[fault][0]


@of_providers(
    "openai", "azure", "litellm", "responses", "anthropic", "gemini", "ollama", "bedrock"
)  # of those that document one
def test_a_provider_that_names_an_error_amid_its_answer_is_understood(
    client: httpx.Client, provider: str
) -> None:
    failed = run(client, f"{provider}-agent", "error")

    assert failed.data["code"] == (ERROR if provider == "ollama" else LIMITED)  # Ollama names none
    assert failed.text == TEXT
    assert "SECRET" not in str(failed.data)


@every_provider
def test_silence_is_a_timeout(client: httpx.Client, provider: str) -> None:
    assert run(client, f"{provider}-hurried", "silence").data["code"] == "upstream_timeout"


@of_providers(*(name for name in CLASSES if name != "mistral"))  # which has a timeout of two minutes itself
@pytest.mark.parametrize("kind", WAITING)
@pytest.mark.parametrize("scenario", ["silence", "stall"])
def test_silence_ends_a_run_though_its_model_would_wait(
    impatient: httpx.Client, provider: str, kind: str, scenario: str
) -> None:
    failed = run(impatient, f"{provider}-{kind}", scenario)
    FAKE.hang_up()

    assert (failed.last, failed.data["code"]) == ("failed", "upstream_timeout")
    assert failed.text == (TEXT if scenario == "stall" else "")


@of_providers(*SPELLED)
@pytest.mark.parametrize("kind", ["agent", "loop", "stream"])
@pytest.mark.parametrize("scenario", ["half-call", "half-calls", "cut-call", "bad-call", "deep"])
def test_a_call_that_is_not_whole_is_never_run(
    client: httpx.Client, provider: str, kind: str, scenario: str
) -> None:
    graph, thread_id = f"{provider}-{kind}", f"{scenario}-{provider}-{kind}"

    failed = run(client, graph, scenario, thread_id)
    after = run(client, graph, "plain", thread_id)

    assert failed.data["code"] == (BROKEN if scenario in ("bad-call", "deep") else TRUNCATED)
    assert RAN == []
    assert (after.last, after.text) == ("finished", TEXT)


@every_provider
@pytest.mark.parametrize("kind", ["agent", "loop"])
def test_half_a_character_in_a_calls_arguments_is_replaced(
    client: httpx.Client, provider: str, kind: str
) -> None:
    called = run(client, f"{provider}-{kind}", "surrogate")

    assert (called.last, called.text) == ("finished", "It is 12.")
    assert RAN == [(6, "?")]


@every_provider
@pytest.mark.parametrize("kind", ["agent", "loop"])
def test_half_a_character_in_a_tools_result_is_replaced(
    client: httpx.Client, provider: str, kind: str
) -> None:
    called = run(client, f"{provider}-{kind}", "half-result")

    assert (called.last, called.text) == ("finished", "It is 12.")


@every_provider
def test_an_answer_that_is_not_whole_has_the_model_fall_back(client: httpx.Client, provider: str) -> None:
    graph = f"{provider}-fallback"

    fallen = client.post(f"/{graph}/invoke", json={"input": "scenario:cut"}).json()

    assert fallen["output"] == "the other one"


@every_provider
def test_a_text_that_the_providers_limit_ended_is_an_answer(client: httpx.Client, provider: str) -> None:
    long = run(client, f"{provider}-agent", "long")

    assert (long.last, long.text) == ("finished", TEXT)


@of_providers("openai", "azure", "litellm")
@pytest.mark.parametrize(
    ("scenario", "code", "retryable"),
    [
        ("cut-form", TRUNCATED, True),
        ("half-form", TRUNCATED, True),
        ("filtered-form", ERROR, False),
        ("other-form", BROKEN, True),
        ("bad-form", BROKEN, True),
        ("reset-form", "upstream_disconnected", True),
        ("429", LIMITED, True),
    ],
)
def test_an_answer_that_is_not_of_the_form_asked_for_is_the_models_fault(
    client: httpx.Client, provider: str, scenario: str, code: str, retryable: bool
) -> None:
    failed = run(client, f"{provider}-form", scenario)

    assert (failed.data["code"], failed.data["retryable"]) == (code, retryable)


@of_providers("openai", "azure", "litellm")
def test_an_answer_in_a_form_is_the_nodes_to_read(client: httpx.Client, provider: str) -> None:
    graph = f"{provider}-form"

    formed = run(client, graph, "form")
    whole = client.post(f"/{graph}/invoke", json={"input": "scenario:form"}).json()["output"]

    assert (formed.last, whole) == ("finished", "It is 6.")


@of_providers("openai", "azure", "litellm")
def test_a_text_that_a_filter_ended_is_an_answer(client: httpx.Client, provider: str) -> None:
    filtered = run(client, f"{provider}-agent", "filtered")

    assert (filtered.last, filtered.text) == ("finished", TEXT)


@of_providers(*SPELLED)
def test_a_model_that_is_told_of_its_invalid_call_tries_again(client: httpx.Client, provider: str) -> None:
    told = run(client, f"{provider}-forgiving", "bad-call")

    assert (told.last, told.text) == ("finished", "It is 12.")
    assert RAN == []


PNG = "iVBORw0KGgowMDAwMDAwMDAw"
SPELLINGS: dict[str, Any] = {
    "OpenAI's": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    "LangChain's": {"type": "image", "base64": PNG, "mime_type": "image/png"},
}
IMAGES: dict[str, str] = {  # how each provider's wire has it, without spaces
    "openai": f'"image_url":{{"url":"data:image/png;base64,{PNG}"',
    "azure": f'"image_url":{{"url":"data:image/png;base64,{PNG}"',
    "litellm": f'"image_url":{{"url":"data:image/png;base64,{PNG}"',
    "responses": f'"type":"input_image","image_url":"data:image/png;base64,{PNG}"',
    "anthropic": f'"type":"base64","media_type":"image/png","data":"{PNG}"',
    "gemini": f'"data":"{PNG}","mime_type":"image/png"',
    "ollama": f'"images":["{PNG}"]',
    "mistral": f'"image_url":{{"url":"data:image/png;base64,{PNG}"',
    "bedrock": f'"image":{{"format":"png","source":{{"bytes":"{PNG}"',
}
ROUTES = {"runs": "finished", "stream": "data", "stream_events": "data"}  # what each ends with


@every_provider
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("route", ROUTES)
def test_an_image_reaches_each_provider_in_its_own_format(
    client: httpx.Client, provider: str, spelling: str, route: str
) -> None:
    content = [{"type": "text", "text": "scenario:plain"}, SPELLINGS[spelling]]
    body = {"input": {"messages": [{"role": "user", "content": content}]}}
    FAKE.asked.clear()

    with client.stream(
        "POST", f"/{provider}-agent/{route}", json=body, headers={"accept": "text/event-stream"}
    ) as response:
        events = [event for event, _ in sse(response)]

    assert events[-1] == ROUTES[route]
    (asked,) = FAKE.asked
    assert IMAGES[provider] in asked.replace(" ", "")
