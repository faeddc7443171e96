"""Finds arithmetic anywhere in a sentence, and writes it as the calculator reads it. It computes nothing."""

import re

from seltzer.models.demo.formulas import IT, LATER, NUMBER, PHRASES, WORDS
from seltzer.models.demo.notation import normalised

MAX_CHARS = 4_000  # of a message; the rest is ignored

_FUNCTION = (
    r"(?<![a-z])(?:sqrt|cbrt|root|sin|cos|tan|asin|acos|atan|exp|ln|log2|log10|log|abs|round|floor|ceil|min|max"
    r"|factorial|pow) *(?=\()"
)
_PART = (
    rf"{NUMBER}|{_FUNCTION}|(?<![a-z])(?:pi|e|tau)(?![a-z])|% ?of(?![a-z])|\*\*|//|[-+*/%!°√∛()]|(?<=[\d)]),"
)
_RUN = re.compile(rf"(?:(?:{_PART}) *)+")
_IS_SUM = re.compile(rf"[\w)!%°] *(?:\*\*|//|[-+*/%]|of) *-? *[\w(√.]|{_FUNCTION}|\d ?!|[√∛]|\(\(|\d{{1001}}")
_NOT_SUMS = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{1,2}/\d{1,2}/\d{4}|\d{1,2}:\d{2}|https?://\S+")
# Something to calculate that is no arithmetic, such as __import__('os'): the calculator reports that itself.
_CODE = re.compile(
    r"(?:calculate|compute|evaluate|what(?: is|'s)|計算|计算)[: ]*"
    r"(?=.*[\d(])(?P<code>[^ ]*(?:['\"\[\]{}]|__).*)"
)
_FILLERS = (
    r"and|then|now|so|ok|okay|what|what's|about|how|is|if|please|you|it|that|the result|can"
    r"|を|に|それ|その結果|では|じゃあ|さらに|再|那|那么|然后|把它|结果|它"
)
_FOLLOW_UP = re.compile(
    rf"^\W*?(?:(?:{_FILLERS})[\s,、，]*)*(?P<more>(?:\*\*|//|[-+*/]) *(?:(?:{_PART}) *)+)"
)
_PAIRS = [
    re.compile(rf"(?<![\w.])(?:{NUMBER}) *(?:{sign}) *(?:{NUMBER})(?![\w.])")
    for sign in (r"\*\*", "[*/]", "[-+]")
]


def find(text: str, previous: str | None = None) -> tuple[str, ...]:
    """Return the expressions a sentence asks for, in its order, without repeats; () if there are none.

    previous is the last result on the thread: "and times 2?" and "the square root of that" refer to it.
    """
    # One space at most: the patterns would try each of many, from each place.
    plain = re.sub(" +", " ", normalised(text[:MAX_CHARS]).lower())
    if code := _CODE.search(plain):
        return (code["code"],)
    plain = _NOT_SUMS.sub(" ; ", plain)
    if previous:
        plain = re.sub(rf"(?<=of ){IT}", previous, plain)
        plain = re.sub(rf"{IT}(?=の|的)", previous, plain)
    plain = _rewritten(plain, PHRASES)
    if previous:
        more = _FOLLOW_UP.match(_rewritten(_rewritten(plain, LATER), WORDS))
        if more:
            return (re.sub(" +", " ", f"{_as_operand(previous)} {_trimmed('0' + more['more'])[1:]}"),)
    runs = (_trimmed(run[0]) for run in _RUN.finditer(_rewritten(plain, WORDS)))
    parts = [re.sub(" +", " ", part) for run in runs for part in _apart(run) if _IS_SUM.search(part)]
    return tuple(dict.fromkeys(parts))


def first_step(expression: str) -> tuple[str, str] | None:
    """Return what to work out first, and the expression with {} in its place; None if it is one step.

    Takes parentheses and calls first, then powers, then products, then sums. Percentages, remainders and
    powers of powers stay one step: their meaning hangs on what is around them.
    """
    if any(sign in expression for sign in ("%", "//", "!")) or expression.count("**") > 1:
        return None
    inner = re.search(r"(?:[a-z]\w*)?\(([^()]*)\)", expression)
    if inner:
        step = inner[1] if inner[0].startswith("(") else inner[0]
        start, end = inner.span()
    else:
        found = next(filter(None, (pair.search(expression) for pair in _PAIRS)), None)
        if found is None:
            return None
        step = found[0]
        start, end = found.span()
    rest = f"{expression[:start]}{{}}{expression[end:]}"
    return (step, rest) if rest.strip() != "{}" else None


def put(value: str, rest: str) -> str:
    """Fill the placeholder of first_step."""
    return rest.replace("{}", _as_operand(value))


def _rewritten(text: str, replacements: list[tuple[re.Pattern[str], str]]) -> str:
    for pattern, to in replacements:
        text = pattern.sub(to, text)
    return text


def _as_operand(value: str) -> str:
    return f"({value})" if value.startswith("-") else value


def _trimmed(run: str) -> str:
    """Cut off what belongs to the sentence: signs without an operand, a lone parenthesis, its last "!"."""
    run = re.sub(r"^[\s+*/%!°),]+|[\s+\-*/(√,]+$", "", run)
    run = re.sub(r"^-\s+", "", run)
    if run.endswith("!") and run.count("!") == 1 and re.search(r"[\d)] *[-+*/]", run):
        run = run[:-1].rstrip()
    open_too_many = run.count("(") - run.count(")")
    while 0 < open_too_many <= 2 and run.startswith("("):
        run, open_too_many = run[1:], open_too_many - 1
    while -2 <= open_too_many < 0 and run.endswith(")"):
        run, open_too_many = run[:-1], open_too_many + 1
    return run.strip()


def _apart(run: str) -> list[str]:
    """Part a run at its commas outside parentheses: they belong to the sentence."""
    parts, depth = [""], 0
    for piece in re.findall(rf"{NUMBER}|.", run):
        depth += (piece == "(") - (piece == ")")
        if piece == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += piece
    return [_trimmed(part) for part in parts]
