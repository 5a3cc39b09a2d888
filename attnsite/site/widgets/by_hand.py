"""Attention by hand: eight tokens, one head beside two, as pictures and tables that are whole without a script.

The scores and values are made up, as in a drawing on a board: chosen so that one head wants two tokens at once.
`by_hand.js` lets a reader move them; it reads everything from this HTML and computes the same sums.
"""

import json
import math
from collections.abc import Sequence
from html import escape

from attnsite.site.addresses import Page
from attnsite.site.answers import Answers
from attnsite.site.widgets import calculator

PLACE = "<!-- attnsite:by_hand -->"
TOKENS = ("the", "cat", "that", "chased", "mice", "is", "very", "tired")
VALUES = ((0, 0, 0, 0), (4, -2, 3, 1), (0, 1, 1, 0), (1, 2, -1, 0), (-3, 2, 0, -1), (1, 0, 0, 1), (-3, 4, -2, 4),
          (-1, 0, 1, 2))  # fmt: skip
SCORES = {  # of the last token's query with every key, before they are divided
    "single": (0, 8, 1, 0.5, 2, 1, 8, 1.5),
    "first": (0.5, 6.5, 0.5, 0.5, 2, 0, 0.5, 1),
    "second": (0, 0.5, 0.5, 1, 0.5, 1.5, 6.5, 1),
}
HEADS = {"single": "the one head", "first": "head 1", "second": "head 2"}
PARTS = {"single": (0, 4), "first": (0, 2), "second": (2, 4)}  # numbers of the output that a head makes
PANELS = {"One head, head dimension 4": ("single",), "Two heads, head dimension 2 each": ("first", "second")}
OWN = "own"  # each head divides by the root of its own dimension
SCALES = {OWN: "√d_head: 2 and 1.41", "1": "1, so not at all", "4": "4, for d_head = 16", "8": "8, for d_head = 64"}
LEAST, MOST, STEP = -12, 12, 0.5
WIDE, HIGH, GAP, THICK = 400, 170, 48, 16


def softmax(scores: Sequence[float], seen: Sequence[bool]) -> list[float]:
    """Weights of the keys that are seen; 0 for the others, and for all where none is."""
    most = max((score for score, visible in zip(scores, seen, strict=True) if visible), default=0.0)
    powers = [math.exp(score - most) if visible else 0.0 for score, visible in zip(scores, seen, strict=True)]
    total = sum(powers)
    return [power / total if total else 0.0 for power in powers]


def scale(head: str, chosen: str = OWN) -> float:
    """What a head's scores are divided by: the root of its own dimension, or one of the others of `SCALES`."""
    first, end = PARTS[head]
    return math.sqrt(end - first) if chosen == OWN else float(chosen)


def mixed(weights: Sequence[float], part: tuple[int, int]) -> list[float]:
    """What a head puts out: its numbers of every value, times the weights."""
    return [sum(w * value[at] for w, value in zip(weights, VALUES, strict=True)) for at in range(*part)]


def signed(number: float) -> str:
    """Three digits behind the point, with a true minus, and no minus before zeros."""
    return f"{round(number, 3) + 0.0:.3f}".replace("-", "−")


def place(token: int) -> float:
    return WIDE / 2 + GAP * (token - (len(TOKENS) - 1) / 2)


def picture(heads: Sequence[str], weights: dict[str, list[float]], told: str) -> str:
    """Lines from the query to the keys, as thick as the weights; a head has a colour."""
    query, lines = len(TOKENS) - 1, ""
    for number, head in enumerate(heads):
        aside = 5 * (2 * number - 1) if len(heads) > 1 else 0
        for token, weight in enumerate(weights[head]):
            lines += (
                f'<line data-line="{head}-{token}" class="hand-{head}" x1="{place(query):.1f}" y1="30" '
                f'x2="{place(token) + aside:.1f}" y2="{HIGH - 26}" stroke-width="{THICK * weight:.2f}"/>'
            )
    keys = "".join(
        f'<text x="{place(token):.1f}" y="{HIGH - 8}" text-anchor="middle">{escape(word)}</text>'
        for token, word in enumerate(TOKENS)
    )
    return (
        f'<svg class="hand-picture" viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{escape(told)}">{lines}{keys}'
        f'<text data-line="query" class="hand-query" x="{place(query):.1f}" y="20" text-anchor="middle">'
        f"{escape(TOKENS[query])}</text></svg>"
    )


def bar(value: float, most: float, name: str, head: str) -> str:
    """A number as a bar; one that may be negative starts in the middle."""
    signed = most > 1
    width = 100 * abs(value) / most / (2 if signed else 1)
    start = 0.0 if not signed else 50.0 if value >= 0 else 50 - width
    return (
        f'<svg class="hand-bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect data-bar="{name}" class="hand-{head}" x="{start:.2f}" width="{width:.2f}" height="10"/></svg>'
    )


def told(heads: Sequence[str], weights: dict[str, list[float]]) -> str:
    """In words: where each head looks most."""
    found = []
    for head in heads:
        first, second = sorted(range(len(TOKENS)), key=lambda token: -weights[head][token])[:2]
        found.append(f"{HEADS[head]} puts {weights[head][first]:.3f} on “{TOKENS[first]}” and "
                     f"{weights[head][second]:.3f} on “{TOKENS[second]}”")  # fmt: skip
    line = "; ".join(found) + "."
    return line[0].upper() + line[1:]


def _scores(head: str, weights: Sequence[float]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{word}</th><td class="hand-slide"><input type="range" name="{head}-{token}" '
        f'min="{LEAST}" max="{MOST}" step="{STEP}" value="{SCORES[head][token]}" '
        f'aria-label="score of {word}, {HEADS[head]}"></td>'
        f'<td data-score="{head}-{token}">{SCORES[head][token]}</td>'
        f'<td data-weight="{head}-{token}">{weights[token]:.3f}</td>'
        f'<td class="hand-drawn">{bar(weights[token], 1, f"{head}-{token}", head)}</td></tr>'
        for token, word in enumerate(TOKENS)
    )
    return calculator.boxed(
        f'<table class="calc-table"><caption>Scores of {HEADS[head]}, divided by '
        f'<span data-scale="{head}">{scale(head):.3g}</span></caption><thead><tr><th>key</th>'
        f'<td class="hand-slide"></td><th scope="col">score</th><th scope="col">weight</th><td></td></tr></thead>'
        f'<tbody>{rows}</tbody><tfoot><tr><th scope="row">sum</th><td class="hand-slide"></td><td></td>'
        f'<td data-sum="{head}">{sum(weights):.3f}</td><td></td></tr></tfoot></table>'
    )


def _output(heads: Sequence[str], weights: dict[str, list[float]]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{PARTS[head][0] + at + 1}, from {HEADS[head]}</th>'
        f'<td data-out="{head}-{PARTS[head][0] + at}">{signed(number)}</td>'
        f'<td class="hand-drawn">{bar(number, 4, f"out-{head}-{PARTS[head][0] + at}", head)}</td></tr>'
        for head in heads
        for at, number in enumerate(mixed(weights[head], PARTS[head]))
    )
    return calculator.boxed(
        f'<table class="calc-table"><caption>Output, four numbers</caption><tbody>{rows}</tbody></table>'
    )


def html(known: Answers) -> str:
    """The whole, in its first state: the last token asks, each head divides by the root of its own dimension."""
    seen = [True] * len(TOKENS)
    weights = {head: softmax([s / scale(head) for s in scores], seen) for head, scores in SCORES.items()}
    panels = ""
    for number, (title, heads) in enumerate(PANELS.items()):
        line = told(heads, weights)
        panels += (
            f'<div class="hand-panel" role="group" aria-labelledby="hand-panel-{number}" '
            f'data-heads="{" ".join(heads)}">'
            f'<p class="hand-title" id="hand-panel-{number}">{title}</p>'
            f'<div class="hand-seen">{picture(heads, weights, line)}'
            f'<p class="hand-told"><output aria-live="polite">{escape(line)}</output></p>'
            f"</div>{''.join(_scores(head, weights[head]) for head in heads)}{_output(heads, weights)}</div>"
        )
    asks = "".join(f'<option value="{n}"{" selected" if n == len(TOKENS) - 1 else ""}>{n + 1}, {word}</option>'
                   for n, word in enumerate(TOKENS))  # fmt: skip
    scales = "".join(f'<option value="{each}"{" selected" if each == OWN else ""}>{text}</option>'
                     for each, text in SCALES.items())  # fmt: skip
    values = "".join(
        f'<tr><th scope="row">{word}</th>{"".join(f"<td>{number}</td>" for number in value)}</tr>'
        for word, value in zip(TOKENS, VALUES, strict=True)
    ).replace("-", "−")
    return (
        f'<link rel="stylesheet" href="{Page("by_hand.md").to("assets/play.css")}">\n'
        f'<section class="by-hand" data-module="by_hand" data-values="{json.dumps(VALUES)}" data-search-exclude>'
        f'<form id="hand-form" autocomplete="off"><fieldset><legend>All heads</legend>'
        f'<p class="calc-field"><label for="hand-query">the query is token</label><select id="hand-query" '
        f'name="query">{asks}</select></p>'
        f'<p class="calc-field"><label for="hand-scale">scores are divided by</label><select id="hand-scale" '
        f'name="scale">{scales}</select></p><p class="calc-field is-tick"><input type="checkbox" '
        f'id="hand-causal" name="causal" checked><label for="hand-causal">causal: later tokens are masked</label></p>'
        f"</fieldset>"
        f'<div class="hand-panels">{panels}</div>'
        f'<p class="calc-buttons"><button type="reset">Start again</button></p></form>'
        f"<details><summary>The values that are mixed</summary>"
        f'{calculator.BOX}<table class="calc-table"><caption>Four numbers of each token</caption>'
        f"<thead><tr><th>token</th>{''.join(f'<th scope=col>{n}</th>' for n in range(1, 5))}</tr></thead>"
        f"<tbody>{values}</tbody></table></div></details></section>"
    )
