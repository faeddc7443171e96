"""What the demo model answers when there is nothing to calculate: names, greetings, features on demand."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seltzer.models.demo.phrases import Phrases
from seltzer.models.demo.words import Language, language_of

LONG_SENTENCES = 70

_ASKS_NAME = re.compile(
    r"what(?:'s| is|’s) my name|who am i|(?:know|remember) (?:my name|who i am)|say my name"
    r"|(?:私|僕|俺|わたし)の?名前(?:は|を|が)?(?:何|なん|なに|わか|覚え|知って|\?|？)|名前を(?:覚え|言って)|私は誰"
    r"|我叫什么|我的名字(?:是|叫)?(?:什么|啥)|我是谁|记得我(?:的名字|叫|是谁)",
    re.IGNORECASE,
)
_TELLS_NAME = [
    re.compile(r"\b(?i:my name is|my name's|call me|i am called) +([^\W\d_][\w'’-]*)"),
    re.compile(r"\b(?:I'm|I’m|I am|i'm|i am) +([A-Z][\w'’-]*)"),
    re.compile(
        r"(?:私|僕|俺|わたし|ぼく)の?名前は、?([^\s、。！!？?]{1,40}?)(?:です|だ|と言い|といい|と申し|[。！!]|$)"
    ),
    re.compile(r"(?:私|僕|俺|わたし|ぼく)は、?([^\s、。！!？?]{1,40}?)(?:です|と言い|といい|と申し)"),
    re.compile(r"([^\s、。！!？?は]{1,40})(?:と申します|といいます|と言います)"),
    re.compile(r"(?:我叫|我的名字是|我的名字叫|叫我)([^\s，。！!？?,]{1,40}?)(?:吧|[，。！!,]|$)"),
    re.compile(r"我是([^\s，。！!？?,的个]{1,8}?)(?:[，。！!,]|$)"),
]
_GREETS = re.compile(
    r"\b(?:hi|hello|hey|good (?:morning|evening|afternoon))\b"
    r"|こんにちは|こんばんは|おはよう|はじめまして|你好|您好|早上好",
    re.IGNORECASE,
)
_THANKS = re.compile(r"\b(?:thanks|thank you)\b|ありがとう|谢谢|多谢", re.IGNORECASE)
_FAILS = re.compile(
    r"\bfail\b.*\b(?:middle|half ?way|mid)|\bfail mid|途中で(?:失敗|止ま)|(?:中途|半路)(?:失败|出错)",
    re.IGNORECASE,
)
_LONG = re.compile(
    r"\blong (?:answer|story|text|reply)\b|長い(?:答え|回答|話|文)|长(?:的)?(?:回答|答案|故事|文)",
    re.IGNORECASE,
)
_MARKDOWN = re.compile(r"markdown|マークダウン", re.IGNORECASE)
_OUT_LOUD = re.compile(r"think (?:out loud|aloud)|声に出して考え|考えながら|思考过程|边想边", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; thinking goes before it, apart from it, and if it fails it breaks off at its end."""

    text: str
    thinking: str = ""
    fails: bool = False


def answer_without_arithmetic(questions: Sequence[str], phrases: Phrases) -> Reply:
    """Answer the last of the questions; the earlier ones may have introduced a name."""
    question = questions[-1] if questions else ""
    if _FAILS.search(question):
        return Reply(phrases.failing, fails=True)
    if _LONG.search(question):
        return Reply(_long_answer(phrases))
    if _MARKDOWN.search(question):
        return Reply(phrases.markdown)
    if _OUT_LOUD.search(question):
        return Reply(phrases.thought, thinking=phrases.thinking)
    return Reply(_about_names(questions, phrases) or _small_talk(questions, phrases) or phrases.fallback)


def language_of_talk(questions: Sequence[str]) -> Language:
    """Return the language of the last question that has one: "3+4" continues in the language before it."""
    languages = (language_of(question) for question in reversed(questions))
    return next(filter(None, languages), "en")


def _about_names(questions: Sequence[str], phrases: Phrases) -> str | None:
    question = questions[-1] if questions else ""
    if _ASKS_NAME.search(question):
        name = _name_in(questions)
        return phrases.your_name.format(name=name) if name else phrases.unknown_name
    name = _name_in([question])
    return phrases.told_name.format(name=name) if name else None


def _small_talk(questions: Sequence[str], phrases: Phrases) -> str | None:
    question = questions[-1] if questions else ""
    if _GREETS.search(question):
        name = _name_in(questions)
        return phrases.hello_name.format(name=name) if name else phrases.hello
    return phrases.thanks if _THANKS.search(question) else None


def _name_in(questions: Sequence[str]) -> str | None:
    """Return the name given last, or None."""
    for question in reversed(questions):
        rest = _ASKS_NAME.sub(" ", question)
        found = next(filter(None, (pattern.search(rest) for pattern in _TELLS_NAME)), None)
        if found:
            return found[1][:40]
    return None


def _long_answer(phrases: Phrases) -> str:
    """Put sentences together whose parts come round at different paces, so that none is repeated."""
    opening, who, does, where = phrases.long
    sentences = [opening]
    for turn in range(LONG_SENTENCES):
        parts = (who[turn % len(who)], does[turn % len(does)], where[turn % len(where)])
        sentence = " ".join(parts) + "." if opening.isascii() else "".join(parts) + "。"
        sentences.append(sentence)
    return (" " if opening.isascii() else "").join(sentences)
