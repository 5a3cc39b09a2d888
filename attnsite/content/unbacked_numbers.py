"""Naked numbers: sentences of a text that state a quantity without evidence, read from what a page shows of them."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from attnsite.content import backing, number_words, shown_lines
from attnsite.content.shown_lines import CLOSES, HELD, OPENS

# A number is harmless where its surroundings say that it is a name, a place, a day or what was set. Any other is a
# quantity, whatever unit stands behind it, so the lists below are of words of the language and of no units.
_COMPARES = (  # behind a number, it makes a finding of it
    r"(?!\s*(?:[%×/]|[-·\s]*(?:x|times|fold|percent)\b"
    r"|(?:more|less|better|worse|fewer|the (?:speed|time|memory|cost))\b"
    r"|as (?:fast|slow|much|many|long|large|small)\b"
    r"|(?!(?:after|number|other|over|under|either|whether|together|rather|never|however|later|layer|per|per|paper"
    r"|for|or|nor|their|her|our|your|four)\b)[a-z]+er\b))"
)
_GOES_ON = (  # behind a number, the sentence ends or goes on without saying what there are so many of
    r"(?=\s*(?:$|[.,;:!?](?!\d)|[)\]”’\"]|[–—]|\s(?:a|all|also|an|and|are|as|at|became|before|but|by|can|do|does|each"
    r"|every|for|from|gives?|had|has|have|here|holds?|how|if|in|into|is|it|its|may|must|no|nobody|not|of|on|one|or|says?"
    r"|shows?|so|that|the|their|them|then|there|these|they|this|those|to|was|we|were|what|when|where|which|while|who|will"
    r"|with|without|would|you)\b))"
)
_NUMBER = r"\d{1,3}(?:[, ]\d{3})+|\d{1,7}"
_SET = (  # before a number, it says that so many are given
    r"(?:\b(?i:a|all|an|and|any|as|at|each|every|first|for|from|has|have|in|into|its|keep|keeps|last|of|on|only|or|other|over"
    r"|some|than|the|their|these|this|those|to|up to|with|without|full|same)\s+|^\s*(?:[-–—(“\"]\s*)?|[(“\"|]\s*)"
)
_PARTS = (  # of models and their inputs, of which there are as many as somebody chose
    r"(?:(?:full|hidden|key-value|KV|query|attention|single|windowed|draft|new|more|such)\s+){0,2}"
    r"(?:heads?|layers?|tokens?|threads?|cores?|groups?|blocks?|columns?|rows?|queries|keys|experts)\b"
)
_DAY = r"(?i:before|after|since|until|during|in|from|years?|early|late|mid-?|and|source of)"
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_NO_NAME = (  # before a number, it says what was found and names nothing: Speed-900
    r"(?!(?i:x|speed(?:-?ups?)?|fast\w*|gain\w*|quick\w*|times?|ratios?|factors?|sav(?:e|es|ed|ings?)|wins?|up|boost\w*|best"
    r"|better|more|less|slow\w*|double\w*|accuracy|latency|throughput|scores?|points?|percent|over|under|about|nearly|ours?"
    r"|it|is|by|plus|minus|cost\w*|loss\w*|bleu|perplexity|memory|performance|efficien\w*)-?\d)"
)
_HARMLESS = [  # order matters: longer ones first
    r"https?://[^\s<>]*",
    r"\b(?:Sections?|§+|Tables?|Figures?|Fig\.|Eqs?\.|Equations?|Chapters?|Appendix|Problem|[Vv]ersions?|rows?|steps?)\s*"
    r"[A-Z]?\d{1,3}(?:\.\d{1,3})*(?:\([A-Za-z]\))?(?:(?:,| and|–|-)\s*\d{1,3}(?:\.\d{1,3})*)*\b" + _GOES_ON,
    rf"\b(?:\d{{1,2}}\s+)?{_MONTH}(?:\s+\d{{1,2}},)?\s+(?:19|20)\d\d\b" + _GOES_ON,
    r"\((?:(?:[A-Z][\w-]*|et al\.|and|&),?\s+)*(?:[A-Z][\w-]*|et al\.),?\s+(?:19|20)\d\d[a-z]?\)",
    rf"(?<!\w)(?<!factor ){_DAY}\s+(?:19[5-9]|20[0-4])\d\b(?:\s*(?:,|and|to|–|-)\s*(?:19[5-9]|20[0-4])\d\b)*"
    + _GOES_ON,
    r"(?<=[Tt]he )\d{1,3}(?:st|nd|rd|th)\b(?!\s+(?:of|the|a|an|part)\b)" + _COMPARES,
    r"\b(?:1|2|4|8|16|32|64|128)(?:-bit\b|\s+bits\b)" + _COMPARES,
    r"\b\d{1,4}-(?:layer|head|wide)\b" + _COMPARES,
    r"\b(?i:widths?|heads of|head_dim|blocks of|(?<=[Tt]he )(?:head|layer|block|batch)|batch(?:es)? of)\s+"
    r"\d{1,5}\b(?:(?:,| and| or)\s+\d{1,5}\b)*" + _GOES_ON,
    r"\b\d{1,5} wide\b" + _GOES_ON,
    rf"(?:{_SET})(?:{_NUMBER})\s+{_PARTS}" + _COMPARES,
    r"\b(?:one head to|from \d{1,4} heads? to|[Uu]p to) \d{1,4}(?: heads)?\b" + _GOES_ON,
    r"\b\d{1,2}(?:·(?:[A-Z]|[A-Za-z]+_[A-Za-z]+)(?![A-Za-z]))+",  # terms of formulas: 6·N
    r"\bO\((?:(?!\d\d|times\b|percent\b|[%×])[^()\n]){1,60}\)",
    # formats of numbers, instruction sets, models and machines
    r"\b(?:b?float|u?int|fp|bf|tf|[fi])\d{1,3}\b" + _COMPARES,
    r"\bx86(?:_64)?(?![\w.]*\d)" + _COMPARES,
    r"\b[a-z]{2,6}_\d{1,3}\b" + _COMPARES,
    r"\bv\d{1,2}(?:\.\d{1,3}){1,2}\b" + _COMPARES,
    rf"\b{_NO_NAME}(?:[A-Z]{{1,5}}|[A-Z][A-Za-z]{{2,20}}-)-?\d{{1,4}}(?:\.\d{{1,2}})?[A-Za-z]{{0,2}}(?:-[A-Z]\w*)?\b"
    r"(?:\s+\d{1,4}(?:\.\d{1,2})?[BMT]\b)?" + _COMPARES,  # GPT-3 175B, H200, FlashAttention-2
    r"^\s*\d{1,2}[.)](?=\s)" + _COMPARES,  # a number that a heading begins with
]
_KNOWN = re.compile("|".join(_HARMLESS))
_RATE = re.compile(  # of parts in a time: found, not set
    r"/\s*[mμn]?s\b|\b(?:milli|micro|nano)?seconds?\b|\b(?:minutes?|hours?|days?)\b", re.IGNORECASE
)
_COUNTED = re.compile(rf"(?:{_NUMBER})\s+{_PARTS}")
_QUANTITY = re.compile(r"\.?\d[\d.,]*\s*(?:%|×|[A-Za-zμ/]+)?")
_RATIOS = re.compile(
    r"\b(?:twice|thrice|(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:twen|thir|for|fif|six|seven|eigh|"
    r"nine)ty|(?:a |one )?(?:dozen|hundred|thousand)|(?:dozens|hundreds|thousands) of)[- ]?(?:times|fold)"
    r"|doubled|tripled|quadrupled|halved)"
    r"\s+(?:(?:faster|slower|larger|smaller)\b|(?:as|more|less|the)\b.{0,400}\b(?:fast|slow|time|faster|slower|memory)\b)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"(?:(?:And|But|Or|So|Then|If|From|With|At|By|In|On|For|To|Of)\b.*\b)?(?:Is|Are|Was|Were|Do|Does|Did|Can|Could|Should"
    r"|Would|Will|May|Must|Has|Have|Had|How|What|Which|Why|When|Where|Who|Whose)\b",
    re.IGNORECASE,
)
_FINDS = re.compile(r"\d.*\b(?:faster|slower|quicker)\b|\b(?:faster|slower|quicker)\b.*\d")
_SUPPOSES = re.compile(r"(?:Suppose|Assume|Let|Say|Imagine|If)\b")  # what an exercise gives and nobody found
_TAKES_FOR_GRANTED = re.compile(  # a question that states what it asks the reason of
    r"(?:(?:And|But|Or|So|Then) )?(?:Why|How come|How can|How does it come|What makes|Did you know)\b", re.IGNORECASE
)
_HELD_FINDING = re.compile(
    rf"{OPENS}[^{CLOSES}]*(?:[%×]|\d\s*(?:x|times|fold|percent|[mµμn]?s|[KMGTP]i?B/s|[kMGTP]?FLOPS?(?:/s)?)){CLOSES}"
    rf"|{HELD.pattern}\s*(?:times\b|×|x\b|%|percent\b)?\s*(?:as (?:fast|slow|quick|cheap|accurate|good)|faster|slower"
    r"|quicker|cheaper|better|worse|the (?:speed|time|throughput|latency))\b"
)


@dataclass(frozen=True)
class Naked:
    """A sentence and the quantity in it that has no evidence."""

    quantity: str
    sentence: str


def _asks(line: shown_lines.Line) -> bool:
    """Whether nothing is stated: a question that begins as one, and what an exercise gives before it asks."""
    text = line.text.strip()
    if not text.endswith("?"):
        return False
    *given, asked = re.split(r"(?<=[.!:;])\s+", text)
    if _TAKES_FOR_GRANTED.match(asked) and _finds(asked):
        return False
    if line.exercise:
        stated = (each for each in given if not each.endswith("?") and not _SUPPOSES.match(each))
        return not any(map(_finds, stated))
    return not given and bool(_ASKS.match(text))


def _finds(text: str) -> bool:
    return bool(_FINDS.search(text) or next(number_words.find(text), None))


def find(html: str, names: Iterable[str] = (), values: backing.Values | None = None) -> list[Naked]:
    """The sentences of a rendered text that state a quantity without evidence, in order.

    A citation is evidence for its sentence; a number mark for what was set beside it, and for a finding that says the
    number of `values` that it stands for. Code, formulas, years, places in sources and names of things are no
    quantities; `names` are further names that have digits in them. A number of heads, layers, tokens or threads says
    what was set, not what was found, unless a time stands beside it. What is asked states nothing: a line that begins
    as a question, and what the title of an exercise sets before it asks. The cells of a row are one sentence, and a
    citation in the head of a column is evidence for all of it. Characters are read as what they look like: raised
    digits, wide ones and thin spaces too.
    """
    own_names = _pattern_of(names)
    found = []
    for line in shown_lines.read(html):
        line.text = unicodedata.normalize("NFKC", number_words.in_figures(line.text))
        if _asks(line):
            continue
        for sentence in backing.sentences(line.text, line.marks):
            if sentence.cites:
                continue
            text = own_names.sub(" x ", sentence.text) if own_names else sentence.text
            plain = shown_lines.HELD.sub(" x ", text)
            stated = backing.unbacked(plain, sentence.marks, values or {}) if sentence.marks else _stated(plain)
            if stated := stated or _in_code(text, sentence.marks, values or {}):
                found.append(Naked(" ".join(stated.split()), " ".join(sentence.text.split())))
    return found


def _pattern_of(names: Iterable[str]) -> re.Pattern[str] | None:
    """Names as whole words; one that is compared is none."""
    own = [rf"(?<![\w.]){re.escape(name)}(?!\w)" for name in sorted(names, key=len, reverse=True)]
    return re.compile(f"(?:{'|'.join(own)}){_COMPARES}") if own else None


def _stated(text: str) -> str:
    """The first quantity that a sentence states; empty where it states none."""
    rate = _RATE.search(text) and _COUNTED.search(text)
    if stated := rate or _QUANTITY.search(_KNOWN.sub(" ", text)) or _RATIOS.search(text):
        return stated[0].strip()
    words = next(number_words.find(text), None)
    return words.text if words else ""


def _in_code(text: str, marks: tuple[str, ...], values: backing.Values) -> str:
    """The first number in code or in a formula that the sentence around it makes a finding of, and none of its marks
    says too."""
    found = _HELD_FINDING.search(text)
    told = shown_lines.HELD_SIGNS.sub("", found[0]).strip() if found else ""
    return told if told and (not marks or backing.unbacked(told, marks, values)) else ""
