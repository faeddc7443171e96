"""ReAct JSON: the same text gives the same result for every way of cutting it."""

import codecs
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seltzer.models.react import Action, Answer, Broken, ReActParser
from seltzer.models.react.parser import BUFFER_CHARS


@dataclass(frozen=True)
class Read:
    """What a parser made of a text: the answer's text, and the rest in order."""

    answer: str
    calls: tuple[Action | Broken, ...] = ()
    is_truncated: bool = False


def _read(pieces: Sequence[str]) -> Read:
    parser = ReActParser()
    parts = [part for piece in pieces for part in parser.feed(piece)] + parser.end()
    answer = "".join(part.text for part in parts if isinstance(part, Answer))
    return Read(answer, tuple(part for part in parts if not isinstance(part, Answer)), parser.is_truncated)


def _final(answer: str, **dumping: Any) -> str:
    return json.dumps({"action": "Final Answer", "action_input": answer}, **dumping)


EMOJI = '{"action": "Final Answer", "action_input": "a \\ud83d\\ude00 b"}'
CALL = '{"action": "calculator", "action_input": {"expression": "2+{2}"}}'


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (_final("Hello"), Read("Hello")),
        (_final('a "quote", a \\ and a\nline'), Read('a "quote", a \\ and a\nline')),
        (_final("日本語 ü 😀", ensure_ascii=True), Read("日本語 ü 😀")),
        (_final("indented", indent=2), Read("indented")),
        (_final(""), Read("")),
        (_final('I say {"action": "Final Answer"} here'), Read('I say {"action": "Final Answer"} here')),
        (EMOJI, Read("a 😀 b")),
        ('{"action": "Final Answer", "action_input": "\\ud83d x \\ude00"}', Read("\ufffd x \ufffd")),
        ('{"action": "Final Answer", "action_input": "\\ud83d"}', Read("\ufffd")),
        ('{"action": "Final Answer", "action_input": "\\ud83d\\ud83d\\ude00"}', Read("\ufffd😀")),
        ('{"action": "Final Answer", "action_input": "raw\nbreak"}', Read("raw\nbreak")),
        ('{"action": "Final Answer", "action_input": "\\(x\\) \\u12zz"}', Read("\\(x\\) \\u12zz")),
        ('{"action": "Final Answer", "action_input": "a \ud83d b"}', Read("a \ufffd b")),
        ('{"action_input": "swapped", "action": "Final Answer"}', Read("swapped")),
        ('{"thought": "hm", "action": "final_answer", "action_input": "x", "n": [1]}', Read("x")),
        ('{"action": "Final Answer", "action_input": {"a": ["}", {}]}}', Read('{"a": ["}", {}]}')),
        ('{"action": "Final Answer", "action_input": 8.42}', Read("8.42")),
        ('{"action": "Final Answer", "action_input": null}', Read("")),
        ('{"action_input": [1, 2], "action": "Final Answer"}', Read("[1, 2]")),
        ('{"action": "Final Answer", "action_input": "one", "action_input": "two"}', Read("one")),
        ('{"action": "Final Answer", "action_input": "x",}', Read("x")),
        ('{{"action": "Final Answer", "action_input": "x"}}', Read("x")),
        (f"Sure!\n```json\n{_final('x')}\n```\nAnything else?", Read("x")),
        (f"{_final('one')}\n{_final('two')}", Read("one")),
        (f'{{"note": 1}} {_final("x")}', Read("x")),
        (CALL, Read("", (Action("calculator", {"expression": "2+{2}"}),))),
        (
            f"I need a tool.\n```\n{CALL}\n```\nObservation: 4",
            Read("", (Action("calculator", {"expression": "2+{2}"}),)),
        ),
        ('{"action": "calculator", "action_input": "2+2"}', Read("", (Action("calculator", "2+2"),))),
        ('{"action": "now"}', Read("", (Action("now", None),))),
        ('{"action": "Final Answer"}', Read("", (Broken("Final Answer", '{"action": "Final Answer"}'),))),
        (
            '{"action": "calc", "action_input": 2+2}',
            Read("", (Broken("calc", '{"action": "calc", "action_input": 2+2}'),)),
        ),
        ('{"action": "calc" oops', Read("", (Broken("calc", '{"action": "calc" o'),))),
        (
            '{"action": "calc", "action_input": ]',
            Read("", (Broken("calc", '{"action": "calc", "action_input": ]'),)),
        ),
        ('{"action": "Final Answer", "action_input": "done" oops', Read("done")),
        ("Just prose.", Read("Just prose.")),
        ("  The set {1, 2} and {}. ", Read("The set {1, 2} and {}.")),
        ('An object: {"a": {"b": 1}}', Read('An object: {"a": {"b": 1}}')),
        ('{"action": 5, "action_input": "x"}', Read('{"action": 5, "action_input": "x"}')),
        ('{"key" is no JSON', Read('{"key" is no JSON')),
        ("a brace {", Read("a brace {")),
        ("", Read("")),
        ('{"acti', Read("", is_truncated=True)),
        ('{"action": "Final Answer"', Read("", is_truncated=True)),
        ('{"action": "Final Answer", "action_input": "ha', Read("ha", is_truncated=True)),
        ('{"action": "Final Answer", "action_input": "ha\\', Read("ha", is_truncated=True)),
        ('{"action": "Final Answer", "action_input": "ha\\ud83d', Read("ha", is_truncated=True)),
        ('{"action": "Final Answer", "action_input": 8.4', Read("", is_truncated=True)),
        ('{"action": "Final Answer", "action_input": "all but the brace"', Read("all but the brace")),
        ('{"action": "calculator", "action_input": "2+2"', Read("", is_truncated=True)),
        ('{"action_input": "2+2", "action": "calc', Read("", is_truncated=True)),
    ],
)
def test_it_reads(text: str, read: Read) -> None:
    assert _read([text]) == read
    assert _read(list(text)) == read


_answers = st.text() | st.text('{}[]",:\\`\nFinal Answer action_input 😀日')
_texts = (
    st.builds(_final, _answers, ensure_ascii=st.booleans(), indent=st.sampled_from([None, 2]))
    | st.builds(lambda before, text, behind: before + _final(text) + behind, _answers, _answers, _answers)
    | st.builds(lambda text, at: _final(text)[:at], _answers, st.integers(0, 80))
    | st.sampled_from([EMOJI, CALL, CALL[:-3], f"```json\n{CALL}\n```"])
    | st.text('{}[]",:\\ abcu0d83\n', max_size=60).map(
        lambda text: '{"action":"Final Answer","action_input":' + text
    )
    | st.text('{"action":"_inputFinal Answer} ,', max_size=80)
    | st.text("{a }", min_size=BUFFER_CHARS - 20, max_size=BUFFER_CHARS + 60)
)


@given(st.data(), _texts)
def test_every_way_of_cutting_the_text_has_the_same_result(data: st.DataObject, text: str) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    assert _read(pieces) == _read([text])


@given(st.data(), _texts)
def test_every_way_of_cutting_the_bytes_has_the_same_result(data: st.DataObject, text: str) -> None:
    coded = text.encode("utf-8", "replace")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(coded)), max_size=12)))
    decoder = codecs.getincrementaldecoder("utf-8")()
    pieces = [
        decoder.decode(coded[start:end]) for start, end in zip([0, *cuts], [*cuts, len(coded)], strict=True)
    ]

    assert _read(pieces) == _read([coded.decode()])


@given(st.text(), st.booleans(), st.sampled_from([None, 2]), st.booleans())
def test_an_answer_is_decoded_as_json(
    answer: str, is_ascii: bool, indent: int | None, is_swapped: bool
) -> None:
    fields = {"action": "Final Answer", "action_input": answer}
    ordered = dict(reversed(fields.items())) if is_swapped else fields
    text = json.dumps(ordered, ensure_ascii=is_ascii, indent=indent)

    assert _read(list(text)) == Read(json.loads(text)["action_input"])


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text().filter(lambda name: name.strip().lower().replace("_", " ") != "final answer"), _json)
def test_an_action_is_decoded_as_json(name: str, given_input: Any) -> None:
    text = json.dumps({"action": name, "action_input": given_input})

    assert _read(list(text)) == Read("", (Action(name, given_input),))


@given(_answers)
def test_the_answer_is_shown_while_it_arrives(answer: str) -> None:
    text = _final(answer, ensure_ascii=False)
    parser = ReActParser()

    shown = "".join(part.text for part in parser.feed(text[:-2]) if isinstance(part, Answer))

    assert shown == answer


def test_long_prose_is_shown_before_it_ends() -> None:
    parser = ReActParser()
    prose = "word " * (BUFFER_CHARS // 5)

    assert parser.feed(prose) == []
    assert parser.feed("more") == [Answer(prose + "more")]
    assert parser.feed(CALL) == [Action("calculator", {"expression": "2+{2}"})]


def test_it_knows_when_nothing_that_follows_matters() -> None:
    parser = ReActParser()

    parser.feed(f"```{CALL}\n```\n")
    assert not parser.is_over

    parser.feed("Observation:")
    assert parser.is_over
    assert parser.feed(_final("made up")) == []


def test_deep_nesting_is_broken_and_not_a_crash() -> None:
    text = '{"action": "calc", "action_input": ' + "[" * 100_000 + "]" * 100_000 + "}"

    (call,) = _read([text]).calls

    assert isinstance(call, Broken)
