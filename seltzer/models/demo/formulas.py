"""Formulas in words, in English, Japanese and Chinese: what sums.py rewrites to signs, in this order."""

import re

NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?|\.\d+"
_N = rf"(?<![\d.,])(-?(?:{NUMBER})|\(-?(?:{NUMBER})\)|pi|tau)"

# What a later sentence calls the last result.
IT = r"(?:(?<![a-z])(?:that|it|this|the (?:last )?result)(?![a-z])|それ|その結果|これ|它|结果|結果|这个|這個)"

# Phrases with another order than the formula. They come first: their words mean something else alone.
_PHRASES = [
    (rf"(?:(?:the )?square[- ]root(?: of)?|sqrt) {_N}", r" sqrt(\1) "),
    (r"(?:the )?square[- ]root of (?=\()", " sqrt"),
    (rf"(?:the )?cub(?:e|ic)[- ]root of {_N}", r" cbrt(\1) "),
    (rf"(?:the )?factorial of {_N}", r" factorial(\1) "),
    (rf"{_N} factorial(?![a-z(])", r" factorial(\1) "),
    (rf"half (?:of )?{_N}", r" \1/2 "),
    (rf"(?:double|twice) {_N}", r" 2*\1 "),
    (rf"(?:the )?sum of {_N} and {_N}", r" \1+\2 "),
    (rf"(?:the )?product of {_N} and {_N}", r" \1*\2 "),
    (rf"add {_N} (?:and|to) {_N}", r" \1+\2 "),
    (rf"subtract {_N} from {_N}", r" \2-\1 "),
    (rf"multiply {_N} (?:by|and|with) {_N}", r" \1*\2 "),
    (rf"divide {_N} by {_N}", r" \1/\2 "),
    (rf"{_N} per ?cent of ", r" \1% of "),
    (rf"{_N}の(?:平方根|ルート)", r" sqrt(\1) "),
    (rf"ルート *{_N}", r" sqrt(\1) "),
    (rf"{_N}の立方根", r" cbrt(\1) "),
    (rf"{_N}の階乗", r" factorial(\1) "),
    (rf"{_N}の半分", r" \1/2 "),
    (rf"{_N}の{_N}乗", r" \1**\2 "),
    (rf"{_N}の[二自]乗", r" \1**2 "),
    (rf"{_N}[の的]{_N}倍", r" \1*\2 "),
    (rf"{_N}と{_N}の(?:和|合計)", r" \1+\2 "),
    (rf"{_N}の{_N} *(?:%|パーセント)", r" \2% of \1 "),
    (rf"{_N}[とに]{_N}を(?:足|たし?|加え)(?![一-龠])", r" \1+\2 "),
    (rf"{_N}から{_N}を(?:引|ひ[くい])", r" \1-\2 "),
    (rf"{_N}[とに]{_N}を(?:掛け|かけ)る?", r" \1*\2 "),
    (rf"{_N}を{_N}で(?:割|わ[るっ])", r" \1/\2 "),
    (rf"{_N}(?:的|之)(?:算术)?平方根", r" sqrt(\1) "),
    (rf"根号 *{_N}", r" sqrt(\1) "),
    (rf"{_N}的平方(?!根)", r" \1**2 "),
    (rf"{_N}和{_N}(?:的和|加起来)", r" \1+\2 "),
    (rf"{_N}的立方根", r" cbrt(\1) "),
    (rf"{_N}的(?:阶乘|階乘)", r" factorial(\1) "),
    (rf"{_N}的一半", r" \1/2 "),
    (rf"{_N}的{_N}次(?:方|幂|冪)", r" \1**\2 "),
    (rf"{_N}的百分之{_N}", r" \2% of \1 "),
    (rf"{_N}的{_N} *%", r" \2% of \1 "),
]
_LATER = [
    (rf"(?:double|twice) {IT}", "* 2"),
    (rf"half (?:of )?{IT}", "/ 2"),
    (rf"multiply {IT} (?:by|with) ", "* "),
    (rf"divide {IT} by ", "/ "),
    (rf"add {_N} to {IT}", r"+ \1"),
    (rf"subtract {_N} from {IT}", r"- \1"),
    (rf"^(?:{IT}に|さらに|では|じゃあ)?{_N}を(?:足|たし?|加え)", r"+ \1"),
    (rf"^(?:{IT}から|さらに|では|じゃあ)?{_N}を(?:引|ひ)", r"- \1"),
    (rf"^(?:{IT}に|さらに|では|じゃあ)?{_N}を(?:掛|か)け", r"* \1"),
    (rf"^(?:{IT}を|さらに|では|じゃあ)?{_N}で(?:割|わ)", r"/ \1"),
    (rf"^(?:{IT}の|では|じゃあ)?{_N}倍", r"* \1"),
    (r"^(?:では|じゃあ|那)?(?:半分|一半)", "/ 2"),
]
_WORDS = [
    (r"(?:raised )?to the power(?: of)?", "**"),
    (r"(?<![a-z])squared(?![a-z])", " ** 2"),
    (r"(?<![a-z])cubed(?![a-z])", " ** 3"),
    (r"(?<![a-z])(?:multiplied by|times)(?![a-z])", "*"),
    (r"(?<![a-z])(?:divided by|over)(?![a-z])", "/"),
    (r"(?<![a-z])plus(?![a-z])", "+"),
    (r"(?<![a-z])minus(?![a-z])", "-"),
    (r"(?<![a-z])(?:modulo|mod)(?![a-z])", "%"),
    (r"(?:足す|たす|プラス|加上|加)", "+"),
    (r"(?:引く|ひく|マイナス|减去|減去|减|減)", "-"),
    (r"(?:掛ける|かける|乘以|乘)", "*"),
    (r"(?:割る|わる|除以)", "/"),
    (r"(?<=\d) *x *(?=[\d(])", "*"),
]

PHRASES = [(re.compile(pattern), to) for pattern, to in _PHRASES]
LATER = [(re.compile(pattern), to) for pattern, to in _LATER]
WORDS = [(re.compile(pattern), to) for pattern, to in _WORDS]
