"""What every generated page begins with."""

import json
import re
from html import escape

from attnsite.site.markdown.extension import PAGE

# How much a page counts beside a question: lists and pages about this site stand behind what answers.
QUESTION, KERNEL, LIST, MODEL, SOURCES = 3.0, 1.0, 0.4, 0.3, 0.25


def head(path: str, title: str, description: str = "", **more: object) -> str:
    """Front matter, and the line by which the extension knows where the page lies.

    Title and description are plain text, and are written as HTML: the theme puts them into its menus as they stand.
    """
    fields = {
        "title": escape(title, quote=False),
        **({"description": escape(description)} if description else {}),
        **more,
    }
    lines = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in fields.items())
    return f"---\n{lines}\n---\n\n{PAGE.format(path)}"


def directed(path: str, text: str) -> str:
    """A hand-written page with the line put behind its front matter, or first where it has none."""
    front = re.match(r"\ufeff?---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*\n", text, re.DOTALL)
    at = front.end() if front else 0
    return f"{text[:at]}\n{PAGE.format(path)}\n\n{text[at:].lstrip(chr(10))}"


def linked(text: str) -> str:
    """Markdown links as their text alone."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
