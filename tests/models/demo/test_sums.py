"""Arithmetic is found anywhere in a sentence, in three languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.calculator import CalculationError, calculate
from seltzer.models.demo.sums import find, first_step, put


@pytest.mark.parametrize(
    ("sentence", "expressions"),
    [
        ("what is the square root of 71?", ["sqrt(71)"]),
        ("Could you please tell me what 12*(3 + 4) equals, thanks", ["12*(3 + 4)"]),
        ("please compute sqrt(2)*3", ["sqrt(2)*3"]),
        ("square root of (3+4)", ["sqrt(3+4)"]),
        ("sqrt 71", ["sqrt(71)"]),
        ("What's 3+4?", ["3+4"]),
        ("3   +4", ["3 +4"]),
        ("3 times 4", ["3 * 4"]),
        ("10 divided by 4", ["10 / 4"]),
        ("10 minus 4 please", ["10 - 4"]),
        ("2 to the power of 10", ["2 ** 10"]),
        ("2**10", ["2**10"]),
        ("what is 2^10?", ["2**10"]),
        ("5 squared", ["5 ** 2"]),
        ("15% of 80", ["15% of 80"]),
        ("what is 15 percent of 80?", ["15% of 80"]),
        ("200 + 10%", ["200 + 10%"]),
        ("7 % 3", ["7 % 3"]),
        ("half of 9", ["9/2"]),
        ("the sum of 3 and 4", ["3+4"]),
        ("subtract 3 from 10", ["10-3"]),
        ("3 x 4", ["3*4"]),
        ("７×８は？", ["7*8"]),
        ("5!", ["5!"]),
        ("what is 2+2!", ["2+2"]),
        ("min(1, 2)", ["min(1, 2)"]),
        ("what is 1,234 + 5?", ["1,234 + 5"]),
        ("2+2 and 3+3", ["2+2", "3+3"]),
        ("2+2 and again 2+2", ["2+2"]),
        ("2*pi", ["2*pi"]),
        ("sin(30°)", ["sin(30°)"]),
        ("71の平方根は？", ["sqrt(71)"]),
        ("3たす4は？", ["3+4"]),
        ("3かける4を計算してください", ["3*4"]),
        ("10から3を引くと", ["10-3"]),
        ("2の10乗", ["2**10"]),
        ("3の二乗", ["3**2"]),
        ("3の4倍は？", ["3*4"]),
        ("3的平方", ["3**2"]),
        ("3和4的和是多少", ["3+4"]),
        ("80の15%", ["15% of 80"]),
        ("71的平方根是多少？", ["sqrt(71)"]),
        ("3加4等于多少", ["3+4"]),
        ("请算一下12除以4", ["12/4"]),
        ("100的一半", ["100/2"]),
        ("2的10次方", ["2**10"]),
        ("9**9**9", ["9**9**9"]),
        ("1/0", ["1/0"]),
        ("calculate __import__('os')", ["__import__('os')"]),
        ("what is 'a'*10**9", ["'a'*10**9"]),
    ],
)
def test_it_is_found_and_written_for_the_calculator(sentence: str, expressions: list[str]) -> None:
    assert list(find(sentence)) == expressions


@pytest.mark.parametrize(
    "sentence",
    [
        "hi there!",
        "I have 3 apples",
        "I'm 30",
        "my name is Bob",
        "on 2024-01-02 at 10:30",
        "I'm 50% sure",
        "a+b",
        "what is 'love'?",
        "",
    ],
)
def test_what_is_no_arithmetic_is_left_alone(sentence: str) -> None:
    assert find(sentence) == ()


@pytest.mark.parametrize(
    ("sentence", "expression"),
    [
        ("and times 2?", "8.5 * 2"),
        ("then divided by 3", "8.5 / 3"),
        ("what about plus 5?", "8.5 + 5"),
        ("double it", "8.5 * 2"),
        ("half of that", "8.5/2"),
        ("multiply that by 3", "8.5 * 3"),
        ("the square root of that", "sqrt(8.5)"),
        ("それに2をかけると？", "8.5 * 2"),
        ("2倍は？", "8.5 * 2"),
        ("それの平方根は？", "sqrt(8.5)"),
        ("再乘以2呢？", "8.5 *2"),
        ("它的平方根", "sqrt(8.5)"),
        ("what is 3+4?", "3+4"),
    ],
)
def test_a_later_sentence_refers_to_the_last_result(sentence: str, expression: str) -> None:
    assert find(sentence, "8.5") == (expression,)


def test_a_negative_result_is_put_in_parentheses() -> None:
    assert find("squared?", "-3") == ("(-3) ** 2",)
    assert put("-3", "2*{}") == "2*(-3)"


@pytest.mark.parametrize(
    ("expression", "step"),
    [
        ("(3+4)*2", ("3+4", "{}*2")),
        ("3+4*2", ("4*2", "3+{}")),
        ("sqrt(16)*2", ("sqrt(16)", "{}*2")),
        ("2*3**2", ("3**2", "2*{}")),
        ("((1+2)*3)-4", ("1+2", "({}*3)-4")),
        ("3+4", None),
        ("sqrt(71)", None),
        ("200 + 10%", None),
        ("2**3**2", None),
    ],
)
def test_the_first_step_is_the_innermost(expression: str, step: tuple[str, str] | None) -> None:
    assert first_step(expression) == step


_operands = st.integers(0, 99).map(str)
_expressions = st.recursive(
    _operands,
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*"), inner).map("".join) | inner.map(lambda x: f"({x})")
    ),
    max_leaves=6,
)


@given(_expressions)
def test_two_steps_give_the_result_of_one(expression: str) -> None:
    step = first_step(expression)
    if step is None:
        return

    in_two = calculate(put(calculate(step[0]), step[1]))

    assert in_two == calculate(expression)


@given(
    st.text(max_size=200) | st.text("0123456789.,+-*/%^!()√ of times and それにを的乘", max_size=200),
    st.booleans(),
)
def test_any_sentence_gives_expressions_the_calculator_computes_or_refuses(text: str, follows: bool) -> None:
    for expression in find(text, "2" if follows else None):
        try:
            assert calculate(expression)
        except CalculationError:
            continue


@pytest.mark.parametrize("spaces", [1, 2, 3_900])
@pytest.mark.parametrize("follows", ["1+{}%%", "1{}%%", "sqrt{}(4)", "1 +{}2", "({}1{}", "and{}+1"])
def test_many_spaces_are_read_as_one_is(spaces: int, follows: str) -> None:
    for previous in (None, "4"):
        assert find(follows.format(*[" " * spaces] * 2), previous) == find(follows.format(" ", " "), previous)
