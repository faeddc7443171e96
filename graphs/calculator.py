"""The agent's tool: a calculator that computes an expression, within bounds, and nothing else.

What the signs mean, where people differ:
1. `15% of 80` is 12 and `50%` is 0.5. `200 + 10%` is 220, as on a pocket calculator. `7 % 3` is the
   remainder: a % with a number, a name or a parenthesis right after it.
2. `^` and `**` are the power: `-2^2` is -4 and `2^3^2` is 2^9.
3. Angles are in radians; `sin(30°)` takes degrees. `log` and `ln` are natural; `log(8, 2)` has its base.
4. Whole numbers stay exact. Other results are shown as they are, or to 15 digits where that is shorter.
"""

from langchain_core.tools import ToolException, tool

from graphs.arithmetic import CannotRead, OutOfBounds, compute, shown


class CalculationError(ToolException):
    """The expression has no value here. The message is the reason, for the model."""


@tool
def calculator(expression: str) -> str:
    """Compute an arithmetic expression exactly, such as "sqrt(71) * 2", "15% of 80" or "2^10 / 3".

    Knows + - * / // % ^ ! and parentheses, percentages, sqrt, cbrt, root(x, n), sin, cos, tan, asin, acos,
    atan (radians, or 30°), exp, ln, log(x, base), log10, log2, abs, round(x, digits), floor, ceil, min, max,
    factorial and the constants pi, e, tau. Give one expression, without words, units or an equals sign.
    """
    return calculate(expression)


# An error becomes a ToolMessage with status "error", which the model reads and can act on.
calculator.handle_tool_error = True
calculator.handle_validation_error = "The calculator takes one argument: expression, a text such as '2 * 3'."


def calculate(expression: str) -> str:
    """Return the value of an expression as text. Raises CalculationError, and nothing else."""
    try:
        return shown(compute(expression))
    except (CannotRead, OutOfBounds) as error:
        raise CalculationError(str(error)) from error
    except ZeroDivisionError as error:
        raise CalculationError("Division by zero has no value.") from error
    except OverflowError as error:
        raise CalculationError("The result is too large.") from error
    except ValueError as error:
        raise CalculationError("That has no real value (as the square root of -1 has none).") from error
