"""This build's own quick check: whose runs may stand for it, and whether the site that is built shows it."""

import os

from attnsite.measure import machine
from attnsite.records.run_file import EVERY_MACHINE, Run

PUBLISH = "ATTNSITE_PUBLISH"  # set where `attnsite build --publish` was asked for


def shown() -> bool:
    """Does the site that is built show the machine that builds it? Not one for readers elsewhere: it is named its
    address, or `--publish` was asked for, and has the committed machines alone."""
    return not os.environ.get("SITE_URL") and not os.environ.get(PUBLISH)


def keeps(run: Run) -> bool:
    """Is a run of the cache to be shown? Counts are the same everywhere; a measurement must have been made here."""
    if not shown():
        return False
    return run.machine == EVERY_MACHINE or machine.made_here(run.provenance.machine, run.provenance.software)
