"""Computes an expression while reading it, in one pass, without building a tree."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from graphs.arithmetic.notation import END, CannotRead, Token, tokens
from graphs.arithmetic.operations import (
    CONSTANTS,
    FACTOR,
    FUNCTIONS,
    TERM,
    Number,
    bounded,
    divide,
    factorial,
    multiply,
    power,
    square_root,
)

MAX_DEPTH = 50


def compute(expression: str) -> Number:
    """Return the value of an expression: an int if it is exact, else a finite float.

    Raises CannotRead or OutOfBounds with a message for people; ZeroDivisionError; OverflowError for what no
    float can represent; ValueError where there is no real value.
    """
    return _Reading(tokens(expression)).value()


@dataclass(frozen=True, slots=True)
class _Operand:
    value: Number
    is_percent: bool = False


class _Reading:
    """Reads tokens from left to right and computes; the loosest signs are read by the outermost method."""

    def __init__(self, read: list[Token]) -> None:
        self._tokens = read
        self._at = 0
        self._depth = 0

    def value(self) -> Number:
        """Return the value of all the tokens. Raises as compute does."""
        value = self._sum().value
        if self._next is not END:
            raise CannotRead(f"I can't read {self._next.text!r} there; write * to multiply.")
        return value

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _accept(self, *signs: str) -> str | None:
        """Step over the next token if it is one of the signs, or the word "of"; return it, else None."""
        text = self._next.text
        if text not in signs or self._next is END:
            return None
        self._at += 1
        return text

    def _sum(self) -> _Operand:
        left = self._product()
        while sign := self._accept("+", "-"):
            right = self._product()
            share = right.is_percent and not left.is_percent
            amount = multiply(left.value, right.value) if share else right.value
            left = _Operand(TERM[sign](left.value, amount), left.is_percent and right.is_percent)
        return left

    def _product(self) -> _Operand:
        left = self._signed()
        while sign := self._accept("*", "/", "//", "%", "of"):
            right = self._signed()
            left = _Operand(FACTOR[sign](left.value, right.value))
        return left

    def _signed(self) -> _Operand:
        if sign := self._accept("+", "-"):
            operand = self._nested(self._signed)
            return _Operand(-operand.value if sign == "-" else operand.value, operand.is_percent)
        return self._raised()

    def _raised(self) -> _Operand:
        base = self._with_postfixes()
        if self._accept("**"):
            return _Operand(power(base.value, self._nested(self._signed).value))
        return base

    def _with_postfixes(self) -> _Operand:
        operand = self._atom()
        while True:
            if self._next.text == "%" and not self._is_remainder():
                self._at += 1
                operand = _Operand(divide(operand.value, 100), is_percent=True)
            elif self._accept("!"):
                operand = _Operand(factorial(operand.value))
            elif self._accept("°"):
                operand = _Operand(math.radians(operand.value))
            else:
                return operand

    def _is_remainder(self) -> bool:
        following = self._tokens[self._at + 1]
        return following.starts_an_operand and following.text != "of"

    def _atom(self) -> _Operand:
        token = self._next
        self._at += token is not END
        if token.kind == "number":
            whole = token.text.isdigit()
            return _Operand(bounded(int(token.text) if whole else float(token.text)))
        if token.kind == "name":
            return _Operand(self._named(token.text.lower()))
        if token.text in ("√", "∛"):
            root = square_root if token.text == "√" else math.cbrt
            return _Operand(bounded(root(self._nested(self._atom).value)))
        if token.text == "(":
            inside = self._nested(self._sum)
            self._close()
            return inside
        where = "at the end" if token is END else f"before {token.text!r}"
        raise CannotRead(f"A number is missing {where}.")

    def _named(self, name: str) -> Number:
        if name in CONSTANTS:
            return CONSTANTS[name]
        function = FUNCTIONS.get(name)
        if function is None:
            raise CannotRead(f"I don't know {name[:40]!r}. I know {', '.join([*FUNCTIONS, *CONSTANTS])}.")
        if not self._accept("("):
            raise CannotRead(f"{name} needs its numbers in parentheses, as in {name}(2).")
        arguments = [self._nested(self._sum).value]
        while self._accept(","):
            arguments.append(self._nested(self._sum).value)
        self._close()
        if not function.least <= len(arguments) <= function.most:
            raise CannotRead(f"{name} takes {function.takes} in parentheses, not {len(arguments)}.")
        return bounded(function.run(*arguments))

    def _close(self) -> None:
        if not self._accept(")"):
            raise CannotRead("A closing parenthesis is missing.")

    def _nested(self, read: Callable[[], _Operand]) -> _Operand:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise CannotRead(f"The expression is nested too deep: at most {MAX_DEPTH} levels.")
        operand = read()
        self._depth -= 1
        return operand
