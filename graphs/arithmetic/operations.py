"""What can be computed. Every operation checks the size of its result, in advance where it is costly."""

import math
from collections.abc import Callable
from dataclasses import dataclass

MAX_BITS = 10_000  # about 3,000 digits
MAX_FACTORIAL = 1_000

Number = int | float


class OutOfBounds(ValueError):
    """The operation is refused. The message is the reason, for the expression's author."""


def shown(value: Number) -> str:
    """Write a number: 2.0 as 2, 0.30000000000000004 as 0.3, sqrt(71) as 8.426149773176359."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return str(int(value))
    exact, rounded = repr(value), f"{value:.15g}"
    return rounded if len(rounded) < len(exact) - 5 else exact


def bounded(value: Number) -> Number:
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise OutOfBounds(f"The result is too large: more than {MAX_BITS * 0.30103:,.0f} digits.")
    elif not math.isfinite(value):
        raise OverflowError
    return value


def multiply(a: Number, b: Number) -> Number:
    return bounded(a * b)


def divide(a: Number, b: Number) -> Number:
    if isinstance(a, int) and isinstance(b, int) and b and a % b == 0:
        return a // b
    return bounded(a / b)


def power(base: Number, exponent: Number) -> Number:
    if isinstance(base, int) and isinstance(exponent, int) and exponent >= 0:
        if abs(base) > 1 and (base.bit_length() - 1) * exponent > MAX_BITS:
            raise OutOfBounds(f"A power of {str(exponent)[:20]} makes the result too large.")
        return bounded(base**exponent)
    if base == 0 and exponent < 0:
        raise ZeroDivisionError
    return bounded(math.pow(base, exponent))


def square_root(x: Number) -> Number:
    if isinstance(x, int) and x >= 0 and math.isqrt(x) ** 2 == x:
        return math.isqrt(x)
    return math.sqrt(x)


def _root(x: Number, n: Number) -> Number:
    if isinstance(x, int) and n == 2:
        return square_root(x)
    if x < 0 and isinstance(n, int) and n % 2:
        return -_root(-x, n)
    value = math.cbrt(x) if n == 3 else math.pow(x, 1 / n)
    nearest = round(value)
    is_whole = isinstance(n, int) and 0 < n < 64 and abs(value) < 2**53 and nearest**n == x
    return nearest if is_whole else value


def factorial(n: Number) -> int:
    if n != int(n) or n < 0:
        raise OutOfBounds("Only whole numbers from 0 up have a factorial.")
    if n > MAX_FACTORIAL:
        raise OutOfBounds(f"The factorial is too large: at most {MAX_FACTORIAL}!.")
    return math.factorial(int(n))


def _rounded(x: Number, digits: Number = 0) -> Number:
    if digits != int(digits) or abs(digits) > 300:
        raise OutOfBounds("round(x, digits) takes a whole number of digits.")
    return round(x, int(digits)) if digits else round(x)


@dataclass(frozen=True, slots=True)
class Function:
    run: Callable[..., Number]
    least: int = 1
    most: int = 1

    @property
    def takes(self) -> str:
        if self.most == 1:
            return "1 number"
        return f"{self.most} numbers" if self.least == self.most else f"{self.least} to {self.most} numbers"


FUNCTIONS = {
    **{name: Function(getattr(math, name)) for name in ("sin", "cos", "tan", "asin", "acos", "atan", "exp")},
    **{name: Function(getattr(math, name)) for name in ("cbrt", "log2", "log10", "floor", "ceil")},
    "ln": Function(math.log),
    "log": Function(math.log, 1, 2),
    "sqrt": Function(square_root),
    "root": Function(_root, 2, 2),
    "pow": Function(power, 2, 2),
    "factorial": Function(factorial),
    "abs": Function(abs),
    "round": Function(_rounded, 1, 2),
    "min": Function(lambda *xs: min(xs), 1, 100),
    "max": Function(lambda *xs: max(xs), 1, 100),
}
CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}

_Operation = Callable[[Number, Number], Number]
TERM: dict[str, _Operation] = {"+": lambda a, b: bounded(a + b), "-": lambda a, b: bounded(a - b)}
FACTOR: dict[str, _Operation] = {
    "*": multiply,
    "of": multiply,
    "/": divide,
    "//": lambda a, b: bounded(a // b),
    "%": lambda a, b: bounded(a % b),
}
