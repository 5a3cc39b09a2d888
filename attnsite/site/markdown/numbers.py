"""A number in the text: the value of its run, linked to what is known of it, saying where it comes from.

The link leads to the number's entry on its figure's page. `data-run` is the run's file, and `data-figure`, where the
figure stands on the same page, its place: for the card that the page's script makes.
"""

from collections.abc import Container
from html import escape

from attnsite.content.questions import Number
from attnsite.records.quantity import Quantity
from attnsite.records.run_file import EVERY_MACHINE, Run
from attnsite.site import addresses
from attnsite.site.addresses import Page
from attnsite.site.answers import Answers
from attnsite.site.exhibits import call_machine, commit, day, freshness


def number(mark: Number, answers: Answers, page: Page, shown: Container[str] = ()) -> str:
    """The HTML of a number; `shown` are the places of the page's figures.

    Raises `Mistake` where it cannot be had, or lies outside the range that the mark states.
    """
    found = answers.number(mark)
    address = page.to(
        addresses.number(mark.figure, mark.value, "" if found.machine == EVERY_MACHINE else found.machine)
    )
    run = page.at(addresses.result(found.machine, found.run.experiment))
    place = f"figure-{mark.figure}"
    figure = f' data-figure="#{place}"' if place in shown else ""
    told = " · ".join(provenance(found.quantity, found.run, found.state))
    return (
        f'<a class="quantity is-{escape(found.state)}" href="{escape(address)}"{figure} data-run="{escape(run)}" '
        f'title="{escape(told)}">'
        f"{escape(str(found.quantity))}</a>"
    )


def provenance(quantity: Quantity, run: Run, state: str) -> list[str]:
    """Machine, date, commit, spread, file and state, as far as there is something to say of each."""
    counted = run.kind == "count"
    spread = quantity.spread()
    parts = (
        "counted, the same on every machine" if counted else f"{run.kind} on {call_machine(run.machine)}",
        day(run),
        commit(run),
        f"interquartile range {spread}" if spread else "",
        addresses.result(run.machine, run.experiment),
        freshness(state, run.kind),
    )
    return [part for part in parts if part]
