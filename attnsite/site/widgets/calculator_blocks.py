"""The parts of the calculator's page that follow from what is chosen, as HTML by name. `calculator.js` puts the same
parts in their places after each change: it calls this function, translated."""

from html import escape

from attnsite.site.widgets import calculator_chart, calculator_tables
from attnsite.site.widgets.calculator_words import Chosen, figures, sentence


def answer(chosen: list[Chosen]) -> dict[str, str]:
    """The first screen, of one choice or of two that are compared."""
    return {
        "told": "".join(f"<p>{escape(sentence(one))}</p>" for one in chosen),
        "figures": beside(chosen, [figures(one) for one in chosen]),
    }


def details(chosen: list[Chosen]) -> dict[str, str]:
    """What stands below it."""
    return {
        "chart": calculator_chart.chart(chosen),
        "derivation": beside(chosen, [calculator_tables.derivation(one) for one in chosen]),
        "parts": beside(chosen, [calculator_tables.parts(one) for one in chosen]),
        "phases": beside(chosen, [calculator_tables.phases(one) for one in chosen]),
        "devices": beside(chosen, [calculator_tables.devices(one) for one in chosen]),
        "keys": beside(chosen, [calculator_tables.keys(one) for one in chosen]),
    }


def beside(chosen: list[Chosen], parts: list[str]) -> str:
    """Two choices side by side, each under its name; one alone needs none."""
    if len(parts) == 1:
        return parts[0]
    columns = "".join(
        f'<div class="calc-column"><p class="calc-name">{escape(calculator_chart.label(one))}</p>{part}</div>'
        for one, part in zip(chosen, parts, strict=True)
    )
    return f'<div class="calc-columns">{columns}</div>'


def markdown(chosen: list[Chosen]) -> str:
    """All choices as tables to paste."""
    return "\n\n".join(calculator_tables.markdown(one) for one in chosen)
