"""Findings that are said in words: twice as fast, half the time, tenfold, ninety per cent, nine milliseconds, IX times.

A word for a number states a finding where what it is said of is measured, or is a share or a time; "twice the layers"
says what was set. Each is read with its number, so that it can be held against the mark beside it.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
         "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
          "ninth": 9, "tenth": 10, "twelfth": 12, "sixteenth": 16, "twentieth": 20, "hundredth": 100,
          "thousandth": 1000}  # fmt: skip
_NAMED = {"once": 1.0, "twice": 2.0, "double": 2.0, "thrice": 3.0, "triple": 3.0, "treble": 3.0, "quadruple": 4.0}
_VALUES = {word: float(at) for at, word in enumerate(_ONES, 1)}
_VALUES |= {word: 20.0 + 10 * at for at, word in enumerate(_TENS)} | {word: float(n) for word, n in _SCALES.items()}

_UNIT = rf"(?:{'|'.join(sorted([*_ONES, *_TENS], key=len, reverse=True))})"
_SCALE = rf"(?:{'|'.join(_SCALES)})"
_CARD = rf"(?:(?:(?:a|an|several|some|many)[- ]|{_UNIT}[- ])?{_SCALE}s?|{_UNIT}(?:[- ]{_UNIT})?)(?:[- ]{_SCALE})?"
_CARD += r"(?:[- ]and[- ]a[- ](?:half|quarter))?"
_TIMES = rf"(?:twice|thrice|(?:{_CARD})[- ]?(?:times(?: over)?|x\b)|{_CARD}s? of times|(?:{_CARD})[- ]?fold)"
_PART = rf"(?:(?:(?:a|an|{_UNIT})[- ])?(?:{'|'.join(_PARTS)})s?)"
_MANY = rf"(?:{_TIMES}|double|triple|treble|quadruple|{_PART})"
# What a clock, a scale or a trained model says, and no count.
_QUALITY = r"(?:(?:fast|quick|slow|cheap|accurate|efficient|good|costly|expensive|precise)(?:er)?|better|worse)\b"
_MEASURE = (
    r"(?:speed|time|latency|latencies|throughput|bandwidth|performance|accuracy|quality|perplexity|price|energy|power"
    r"|efficiency|speed-?up|memory|loss|cost)\b"
)
_GAINS = r"(?:speed-?up|gain|improvement|increase|reduction|decrease|drop|saving|advantage|acceleration)s?\b"
_GROWN = r"(?:doubl|tripl|trebl|quadrupl|halv)(?:es|ed|ing|e)\b"
_OF = (
    r"(?:\s+(?:as|much|more|less|of|the|that|its|their|our|your|a|an|in|all)){0,3}"
    r"(?:\s+(?:total|whole|peak|running|wall-clock|training|inference|decoding))?"
)
_CLOCK = (
    r"(?:(?:milli|micro|nano)?seconds?|minutes?|hours?|days?|(?:kilo|mega|giga|tera|kibi|mebi|gibi)bytes?"
    r"|(?:giga|tera|peta)flops)\b"
)
_SIGNS = r"(?:times|fold|percent|per ?cent|x\b|ms\b|%|×)"
_ROMAN = r"(?=[IVXLCDM])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"

_FINDINGS = [re.compile(pattern, re.IGNORECASE) for pattern in (
    rf"\b(?P<n>{_MANY}){_OF}\s+(?:{_QUALITY}|{_MEASURE})",
    rf"\b(?:takes?|took|runs?|ran|lasts?)\b[^.;:]{{0,60}}?\b(?P<n>{_MANY}) (?:as )?long(?:er)?\b(?! again)",
    rf"\b(?P<n>{_GROWN})(?:\s+(?:of|the|its|their|our|a)){{0,2}}\s+(?!cost)(?:{_MEASURE})",
    rf"\b(?:speed|latency|throughput|memory|accuracy|perplexity)\s+(?:\w+\s+){{0,2}}(?P<n>{_GROWN})",
    rf"\b(?:{_QUALITY}|{_MEASURE})[^.;:]{{0,40}}\bby\s+(?:about |nearly |almost |up to )?"
    rf"(?P<n>{_MANY}|a factor of {_CARD})\b",
    rf"\b(?:cut|cuts|cutting)\b[^.;:]{{0,25}}\b(?P<n>in half|by {_CARD})\b",
    rf"\b(?:wins?|won|gains?|gained|beats?|improves?d?|outperforms?|ahead|speeds? up)\b[^.;:]{{0,30}}"
    rf"\b(?P<n>factor of {_CARD})\b",
    rf"\b(?P<n>{_CARD})(?:[- ](?:percent|per ?cent)(?:age points?)?\b|\s*%)",
    rf"\b{_MEASURE}\s+(?:is|was|falls|fell|drops|dropped|goes|went)\s+(?:down |up )?(?:to )?(?P<n>{_PART}) of\b",
    rf"\b{_MEASURE}[^.;:]{{0,20}} to (?P<n>{_PART})\b",
    rf"\b(?:is|was|went|goes|rose|rises|fell|falls) (?:up|down) (?P<n>(?:{_CARD})[- ]?fold)\b",
    rf"\bby (?P<n>{_CARD})\s+(?:percentage )?points?\b",
    rf"\b(?P<n>{_MANY}) (?:theirs|ours|its|that) in {_MEASURE}",
    rf"\b(?P<n>{_CARD})[- ]{_CLOCK}",
    rf"\b(?P<n>an|several|{_CARD}) orders? of magnitude (?:{_QUALITY}|more|less|smaller|larger|higher|lower)\b",
    rf"\b(?P<n>{_CARD}) (?:out of {_CARD}|(?:in|of) (?:every )?(?:ten|twenty|a hundred|hundred|thousand))\b",
    rf"\b(?P<n>(?:{_CARD})[- ]?fold)\s+(?:{_GAINS})",
    rf"\b(?:{_GAINS}|latency|throughput|speed|time)[^.;:]{{0,25}}\b(?P<n>(?:{_CARD})[- ]?fold)\b",
    rf"\b(?:gains?|gained|loses?|lost|drops?|dropped)\s+(?P<n>{_CARD})\s+(?:percentage )?points?\b",
    rf"\b(?P<n>{_CARD})\s+(?:percentage )?points? (?:better|worse|higher|lower)\b",
)]  # fmt: skip
_ROMANS = re.compile(rf"(?<![\w.-])(?P<n>{_ROMAN})[- ]?{_SIGNS}")


NUMBER = re.compile(rf"(?:{_MANY}|{_CARD})", re.IGNORECASE)  # of a text that is a number in words and no more
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")


@dataclass(frozen=True)
class Worded:
    """A finding in words: what was written, the number in it, and what that says; None where it says none exactly."""

    text: str
    number: str
    value: float | None


def find(sentence: str) -> Iterator[Worded]:
    """The findings of a sentence that are said in words, in the order of their kinds."""
    plain = " ".join(sentence.translate(_DASHES).split())
    for text in dict.fromkeys((plain, plain.replace("-", " "))):
        yield from _findings(text)
    for match in _ROMANS.finditer(plain):
        yield Worded(match[0], match["n"], float(_roman(match["n"])))


def _findings(text: str) -> Iterator[Worded]:
    for pattern in _FINDINGS:
        for match in pattern.finditer(text):
            yield Worded(" ".join(match[0].split()), match["n"], value_of(match["n"]))


def value_of(words: str) -> float | None:
    """The number that words say: 3 of `three times`, 0.75 of `three quarters`, 1.5 of `one and a half times`."""
    said = re.findall(r"[a-z]+", re.sub(r"fold\b", " fold", words.lower()))
    if any(word.removesuffix("s") in _SCALES and word.endswith("s") for word in said) or "orders" in said:
        return None  # hundreds of times
    if grown := next((word for word in said if re.fullmatch(_GROWN, word)), ""):
        return {"d": 2.0, "t": 3.0, "q": 4.0, "h": 0.5}[grown[0]]
    if named := next((_NAMED[word] for word in said if word in _NAMED), None):
        return named
    numbers = [_VALUES[word.removesuffix("s") if word not in _VALUES else word] for word in said
               if word in _VALUES or word.removesuffix("s") in _VALUES]  # fmt: skip
    parts = [_PARTS[word.removesuffix("s")] for word in said if word.removesuffix("s") in _PARTS]
    parts += [2 for word in said if word == "halves"]
    if "and" in said and parts:
        return sum(numbers) + 1 / parts[-1]
    if parts:
        return (numbers[0] if numbers else 1.0) / parts[-1]
    total = 0.0
    for number in numbers:
        total = (total or 1.0) * number if number in _SCALES.values() else total + number
    return total or None


def in_figures(text: str) -> str:
    """A text whose characters that stand for numbers are figures, ➒ and 五 as 9 and 5; of others what NFKC makes."""
    return "".join(_figure(sign) for sign in text)


def _figure(sign: str) -> str:
    if sign.isascii():
        return sign
    plain = unicodedata.normalize("NFKC", sign)
    number = unicodedata.numeric(sign, None)
    if number is None or any(each.isdecimal() for each in plain):
        return plain
    return f" {number:g} "


def _roman(letters: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[letter] for letter in letters.upper()]
    return sum(-one if one < after else one for one, after in zip(values, [*values[1:], 0], strict=True))
