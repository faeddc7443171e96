"""Keys of langgraph.json that aren't honoured: each is named, with its line and what is missing."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from seltzer import catalog
from seltzer.errors import LoadError
from tests.catalog.project import BUILDER, CONFIG, declare, declare_all, refused

SOURCE = BUILDER + "graph = builder"
AUTH = {"path": "./auth.py:auth"}


def warnings_for(caplog: pytest.LogCaptureFixture, **keys: Any) -> list[str]:
    """Load a project with these keys besides its graph's, and return the warnings."""
    declare_all({"agent": "./agent.py:graph"}, SOURCE, **keys)
    with caplog.at_level(logging.WARNING):
        catalog.load(CONFIG, is_auth_ignored=True)
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"webhooks": {"url": {"require_https": True}}}, ["webhooks isn't honoured"]),
        ({"ui": {"agent": "./ui.tsx"}}, ["ui isn't honoured"]),
        ({"ui_config": {"shared": []}}, ["ui_config isn't honoured"]),
        ({"encryption": {"path": "./e.py:e"}}, ["encryption isn't honoured: what is stored isn't encrypted"]),
        ({"priority": {"path": "./p.py:p"}}, ["priority isn't honoured"]),
        ({"http": {"app": "./app.py:app"}}, ["http.app isn't honoured: its routes aren't served"]),
        ({"http": {"cors": {"allow_origins": ["*"]}}}, ["http.cors isn't honoured"]),
        ({"http": {"mount_prefix": "/api"}}, ["http.mount_prefix isn't honoured"]),
        ({"http": {"configurable_headers": {"includes": ["x-*"]}}}, ["http.configurable_headers isn't"]),
        ({"http": {"logging_headers": {"includes": ["x-*"]}}}, ["http.logging_headers isn't honoured"]),
        ({"http": {"disable_runs": True}}, ["http.disable_runs isn't honoured: the routes of runs are"]),
        ({"http": {"disable_threads": True}}, ["http.disable_threads isn't honoured"]),
        ({"http": {"disable_meta": True}}, ["http.disable_meta isn't honoured: /info"]),
        ({"http": {"app": "./a.py:a", "cors": {}}}, ["http.app isn't", "http.cors isn't"]),
        (
            {"http": {"app": "./a.py:a", "middleware_order": "auth_first", "enable_custom_route_auth": True}},
            ["http.app isn't", "http.middleware_order isn't", "http.enable_custom_route_auth isn't"],
        ),
        ({"checkpointer": {"path": "./c.py:c"}}, ["checkpointer.path isn't honoured"]),
        ({"checkpointer": {"ttl": {"strategy": "delete"}}}, ["checkpointer.ttl isn't honoured"]),
        ({"auth": AUTH}, ["auth isn't honoured: requests aren't authenticated"]),
    ],
)
def test_a_key_that_isnt_honoured_is_named(
    caplog: pytest.LogCaptureFixture, keys: dict[str, Any], named: list[str]
) -> None:
    warnings = warnings_for(caplog, **keys)

    assert len(warnings) == len(named)
    for warning, start in zip(warnings, named, strict=True):
        place, _, text = warning.partition(" ")
        assert place.startswith("langgraph.json:")
        assert text.startswith(start)


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ({"stroe": {}}, "stroe is not a known key; is 'store' meant?"),
        ({"dependancies": ["."]}, "dependancies is not a known key; is 'dependencies' meant?"),
        ({"environment": ".env"}, "environment is not a known key"),
        ({"checkpoint": {}}, "checkpoint is not a known key; is 'checkpointer' meant?"),
        ({"http": {"disable_run": True}}, "http.disable_run is not a known key; is 'disable_runs' meant?"),
        ({"xyzzy": 1}, "xyzzy is not a known key"),
        ({"store": {"indx": {}}}, "store.indx is not a known key; is 'index' meant?"),
        ({"store": {"ttl": {"default": 3}}}, "store.ttl.default is not a known key; is 'default_ttl' meant?"),
        (
            {"checkpointer": {"serde": {"pickle": True}}},
            "checkpointer.serde.pickle is not a known key",
        ),
    ],
)
def test_a_misspelt_key_is_named_with_what_it_may_mean(
    caplog: pytest.LogCaptureFixture, keys: dict[str, Any], named: str
) -> None:
    (warning,) = warnings_for(caplog, **keys)

    assert warning.split(" ", 1)[1].startswith(named)


@pytest.mark.parametrize("key", ["descripton", "answers", "env"])
def test_an_unknown_key_of_a_graph_is_named(caplog: pytest.LogCaptureFixture, key: str) -> None:
    declare({"path": "./agent.py:graph", key: "x"}, SOURCE)

    with caplog.at_level(logging.WARNING):
        catalog.load(CONFIG)

    (record,) = caplog.records
    assert record.getMessage().startswith(f"langgraph.json:5: graphs.agent.{key} is not a known key")


@pytest.mark.parametrize(
    "keys",
    [
        {"$schema": "https://langgra.ph/schema.json"},
        {"python_version": "3.11", "dockerfile_lines": [], "image_distro": "wolfi"},
        {"pip_config_file": "pip.conf", "keep_pkg_tools": True, "base_image": "x", "api_version": "0.7"},
        {"auth": None, "http": None, "store": None, "checkpointer": None, "webhooks": None, "ui": None},
        {"store": {"index": {"dims": 3, "embed": "openai:x", "fields": ["$"]}, "ttl": {"default_ttl": 5}}},
        {"checkpointer": {"serde": {"allowed_msgpack_modules": [["a", "B"]], "pickle_fallback": True}}},
        {"http": {"disable_mcp": True, "disable_a2a": True, "disable_ui": True, "disable_webhooks": True}},
        {"http": {"disable_assistants": True, "disable_store": True, "disable_runs": False}},
        {"env": {"A": "1"}, "dependencies": ["."], "source": {"kind": "uv", "root": "."}},
    ],
)
def test_what_is_honoured_or_not_a_servers_gets_no_warning(
    caplog: pytest.LogCaptureFixture, keys: dict[str, Any]
) -> None:
    assert warnings_for(caplog, **keys) == []


class TestAuth:
    @pytest.mark.parametrize(
        "keys",
        [
            {"auth": AUTH},
            {"auth": {}},
            {"auth": {"path": "./auth.py:auth", "disable_studio_auth": True}},
            {"atuh": AUTH},
            {"Auth": AUTH},
            {"authn": AUTH},
        ],
    )
    def test_an_auth_that_isnt_honoured_refuses_to_start(self, keys: dict[str, Any]) -> None:
        declare(source=SOURCE, **keys)

        what, why, todo = refused()

        assert what == "langgraph.json can't be used"
        assert why.startswith("langgraph.json:5: ")
        assert "this server is open" in why
        assert "--no-auth" in todo

    def test_an_open_server_can_be_asked_for(self) -> None:
        declare(source=SOURCE, auth=AUTH)

        assert list(catalog.load(CONFIG, is_auth_ignored=True).graphs) == ["agent"]


@pytest.mark.parametrize(
    ("keys", "field"),
    [
        ({"store": {"index": {"dims": "many", "embed": "x"}}}, "store.index.dims"),
        ({"store": {"index": {"embed": "x"}}}, "store.index.dims"),
        ({"store": {"ttl": {"default_ttl": 0}}}, "store.ttl.default_ttl"),
        ({"checkpointer": {"serde": {"pickle_fallback": "perhaps"}}}, "checkpointer.serde.pickle_fallback"),
        ({"source": {"kind": "pip"}}, "source.kind"),
        ({"auth": "./auth.py:auth"}, "auth"),
        ({"http": []}, "http"),
    ],
)
def test_a_wrong_type_in_a_known_key_is_refused(keys: dict[str, Any], field: str) -> None:
    declare(source=SOURCE)
    given = {**json.loads(CONFIG.read_text()), **keys}
    CONFIG.write_text(json.dumps(given, indent=2))

    with pytest.raises(LoadError, match=f"{field}: "):
        catalog.load(CONFIG)


class TestStoreAndSerde:
    @pytest.mark.parametrize("embed", ["openai:text-embedding-3-small", "cohere:embed-v3.0", "local"])
    def test_a_models_name_is_left_as_it_is(self, embed: str) -> None:
        declare(source=SOURCE, store={"index": {"dims": 3, "embed": embed}})

        assert catalog.load(CONFIG).embed == embed

    @pytest.mark.parametrize("place", ["./agent.py", "agent.py"])
    def test_a_path_leads_to_a_function(self, place: str) -> None:
        source = SOURCE + "\ndef embed(texts):\n    return [[1.0] for _ in texts]\n"
        declare(source=source, store={"index": {"dims": 1, "embed": f"{place}:embed"}})

        assert catalog.load(CONFIG).embed(["a", "b"]) == [[1.0], [1.0]]

    @pytest.mark.parametrize(
        ("embed", "why"),
        [
            ("./agent.py:missing", "./agent.py has no 'missing'"),
            ("./nowhere.py:embed", "nowhere.py doesn't exist"),
            ("./bad.py:embed", "bad.py:1: ZeroDivisionError"),
        ],
    )
    def test_a_path_that_leads_nowhere_is_refused(self, folder: Path, embed: str, why: str) -> None:
        (folder / "bad.py").write_text("1 / 0")
        declare(source=SOURCE, store={"index": {"dims": 1, "embed": embed}})

        assert why in refused()[1]
