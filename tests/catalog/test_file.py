"""langgraph.json as it is written: what may be in it, and where an error points."""

import json
from typing import Any

import pytest

from tests.catalog.project import CONFIG, refused


class TestFile:
    def test_the_error_of_a_missing_file_shows_how_to_write_one(self) -> None:
        what, _, todo = refused()

        assert what == "langgraph.json doesn't exist"
        assert '"graphs": {"agent": "./graphs/agent.py:graph"}' in todo

    def test_bad_json_is_named_by_its_line(self) -> None:
        CONFIG.write_text('{\n  "graphs": {\n    "agent": }\n}')

        assert refused()[1] == "langgraph.json:3: not JSON: Expecting value at column 14"

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000])
    def test_a_file_that_is_not_text_or_not_json_is_refused(self, content: bytes) -> None:
        CONFIG.write_bytes(content)

        assert refused()[0] == "langgraph.json can't be used"

    def test_a_folder_is_refused(self) -> None:
        CONFIG.mkdir()

        assert "can't be read" in refused()[1]

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            ([], "1: the whole file: must be an object"),
            ({}, "1: graphs: is missing"),
            ({"env": {}, "graphs": {}}, "3: graphs: must have at least 1 item"),
            ({"graphs": []}, "2: graphs: must be an object"),
            ({"graphs": {"a": "x", "agent": 7}}, "4: graphs.agent: must be a valid string or an object"),
            ({"graphs": {"agent": {"description": "x"}}}, "3: graphs.agent.path: is missing"),
            ({"graphs": {"agent": {"path": 7}}}, "4: graphs.agent.path: must be a valid string"),
            ({"graphs": {"agent": "x"}, "dependencies": "."}, "5: dependencies: must be a valid list"),
            ({"graphs": {"agent": "x"}, "dependencies": [1]}, "5: dependencies.0: must be a valid string"),
            ({"graphs": {"agent": "x"}, "env": 7}, "5: env: must be a valid string or an object"),
            (
                {"graphs": {"agent": "x"}, "store": {"index": {"dims": 0, "embed": "x"}}},
                "7: store.index.dims: must be greater than or equal to 1",
            ),
        ],
    )
    def test_a_wrong_type_is_named_by_its_field_and_line(self, content: Any, why: str) -> None:
        CONFIG.write_text(json.dumps(content, indent=2))

        assert refused()[1] == f"langgraph.json:{why}"

    @pytest.mark.parametrize("key", ["graph", "Graphs", "grphs", "graphs ", "agraphs"])
    def test_a_misspelt_graphs_is_recognised(self, key: str) -> None:
        CONFIG.write_text(json.dumps({key: {"agent": "./agent.py:graph"}}))

        assert refused()[1] == f"langgraph.json:1: graphs: is missing (is {key!r} meant?)"
