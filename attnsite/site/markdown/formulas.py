"""Formulas: `$…$` in a line and `$$…$$` as a block become MathML while the site is built."""

import html
import re
from functools import cache
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert
from markdown import Markdown
from markdown.blockparser import BlockParser
from markdown.blockprocessors import BlockProcessor
from markdown.inlinepatterns import InlineProcessor
from markdown.postprocessors import Postprocessor

from attnsite.content.unsafe_markup import FORMULA
from attnsite.records.mistakes import Mistake

if TYPE_CHECKING:
    from attnsite.site.markdown.extension import Markup

# As Pandoc has it: no space just inside, and no digit behind, so that "$5 and $6" stays money.
INLINE = r"(?<![\\$])\$(?![\s$])((?:\\.|[^$\\\n])+?)(?<!\s)\$(?![\d$])"
STYLE = "assets/formulas.css"  # the font; `scripts/subset_math_font.sh` makes it
WIDE = 24  # signs: a formula in a line that has more may be wider than a small phone, which cannot break it
_ELEMENT = re.compile(rf"<(?!/?(?:math|{'|'.join(FORMULA)})[\s/>])([^\s>]*)")  # what is no MathML
_OPERATOR = re.compile(r"<mo>([A-Za-z]{2,})</mo>")
_WORD = re.compile(r'<mrow>((?:<mi mathvariant="normal">[A-Za-z]</mi>){2,})</mrow>')


@cache
def mathml(latex: str, display: str, path: str) -> str:
    """The formula as MathML, its LaTeX kept as `alttext`. Raises `Mistake` for a command that is not known."""
    try:
        found = convert(latex, display=display)
    except Exception as error:
        raise Mistake(
            path, "", f"the formula {latex!r} cannot be read ({error or type(error).__name__})", "fix it"
        ) from None
    if odd := _ELEMENT.search(found):
        raise Mistake(
            path, "", f"the formula {latex!r:.80} holds <{odd[1][:20]}", "write it as LaTeX, \\lt for the sign"
        )
    unknown = re.search(r"<m[io]>\s*(\\[A-Za-z]+|&)\s*</m[io]>", found)
    if unknown:
        raise Mistake(
            path, "", f"the formula {latex!r} has {unknown[1]}, which is not known here", "write it otherwise"
        )
    found = _OPERATOR.sub(r"<mi>\1</mi>", found)  # a name such as softmax is an identifier, without an operator's space
    found = _WORD.sub(lambda match: f"<mi>{re.sub('<[^>]*>', '', match[1])}</mi>", found)  # one name, not its letters
    return found.replace("<math ", f'<math alttext="{html.escape(latex, quote=True)}" ', 1)


def written(latex: str, display: str, markup: "Markup") -> str:
    """The formula as MathML; one that cannot be read is shown as it was typed, and warned of."""
    try:
        return mathml(latex, display, markup.page.path)
    except Mistake as mistake:
        markup.warn(mistake, latex)
        return f'<mark class="unresolved" title="{html.escape(mistake.what)}">{html.escape(latex)}</mark>'


class InlineFormula(InlineProcessor):
    """`$…$` in running text."""

    def __init__(self, md: Markdown, markup: "Markup") -> None:
        super().__init__(INLINE, md)
        self.markup = markup

    def handleMatch(self, match: re.Match[str], data: str) -> tuple[str, int, int]:  # type: ignore[override]
        found = written(match[1], "inline", self.markup)
        signs = len(html.unescape(re.sub(r"<[^>]*>", "", found)))
        kind = "formula is-wide scrolls" if signs > WIDE else "formula"
        return self.md.htmlStash.store(f'<span class="{kind}">{found}</span>'), match.start(0), match.end(0)


class BlockFormula(BlockProcessor):
    """`$$…$$` alone in a paragraph."""

    WHOLE = re.compile(r"\s*\$\$\s*(.+?)\s*\$\$\s*", re.DOTALL)

    def __init__(self, parser: BlockParser, markup: "Markup") -> None:
        super().__init__(parser)
        self.markup = markup

    def test(self, parent: Element, block: str) -> bool:
        return bool(self.WHOLE.fullmatch(block))

    def run(self, parent: Element, blocks: list[str]) -> None:
        match = self.WHOLE.fullmatch(blocks.pop(0))
        assert match
        found = written(match[1], "block", self.markup)
        paragraph = Element("p")
        paragraph.text = self.parser.md.htmlStash.store(f'<div class="formula-block scrolls">{found}</div>')
        parent.append(paragraph)


class FormulaStyle(Postprocessor):
    """Puts the font of formulas at the top of a page that has one."""

    def __init__(self, md: Markdown, markup: "Markup") -> None:
        super().__init__(md)
        self.markup = markup

    def run(self, text: str) -> str:
        if "<math " not in text:
            return text
        return f'<link rel="stylesheet" href="{self.markup.page.to(STYLE)}">\n{text}'
