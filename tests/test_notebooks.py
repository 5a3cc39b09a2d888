"""A notebook that fails while the site is built is a mistake of its file, in a line."""

import pytest

from attnsite.records.mistakes import Mistake
from attnsite.site.builders import mkdocs_notebooks as notebooks
from attnsite.site.builders import zensical_notebooks

NOTEBOOK = """# %% [markdown]
# # A notebook

# %%
value = 1

# %%
second = value + 1
value / (second - 2)
"""


@pytest.fixture
def failed(tmp_path):
    """The path of a notebook whose second cell divides by zero, and what executing it raised."""
    nbclient = pytest.importorskip("nbclient")
    jupytext = pytest.importorskip("jupytext")
    path = tmp_path / "fails.py"
    path.write_text(NOTEBOOK, encoding="utf-8")
    with pytest.raises(nbclient.exceptions.CellExecutionError) as error:
        nbclient.NotebookClient(jupytext.read(path, fmt="py:percent"), timeout=60, kernel_name="python3").execute()
    return path, error.value


def test_a_cell_that_fails_is_told_with_its_line(failed):
    """The line of the file, not that of the cell."""
    path, error = failed

    told = str(notebooks.fault(error, path, "docs/notebooks/fails.py"))

    assert told.startswith("docs/notebooks/fails.py:9: a cell fails: ZeroDivisionError: division by zero; ")


def test_rendering_tells_what_executing_raised_and_nothing_else(failed):
    """Whatever builds the site: MkDocs' plugin, or our own pages for another builder."""
    path, error = failed

    def raises(given):
        raise given

    render = notebooks.telling(raises, path, "docs/notebooks/fails.py")
    with pytest.raises(Mistake, match=r"fails\.py:9: a cell fails"):
        render(error)
    with pytest.raises(KeyError):
        render(KeyError("a fault of ours"))
    with pytest.raises(Mistake, match=r"fails\.py:9: a cell fails: ZeroDivisionError"):
        zensical_notebooks.executed(path)
