"""Pages of text alone are rendered once: what is kept is what MkDocs makes of them, and no page that it warns of."""

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.structure.pages import Page

from attnsite.records import registry
from attnsite.site.figures import svg
from tests import checkouts
from tests.test_preview import differing

METHOD = "docs/method.md"
TEXT = """# Method

## First

[Elsewhere](other.md), [there](other.md#part), [below](#first), `code`.

### Within

More.
"""


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Builds a small site, and says which pages were rendered for it."""
    checkouts.register(monkeypatch)
    few, names = {"kernels": ["reference", "cpu_naive"], "peers": []}, registry.names
    monkeypatch.setattr(registry, "names", lambda room: few[room] if room in few else names(room))
    monkeypatch.setattr(svg.Pictures, "draw", lambda *_: None)
    root = checkouts.fill(tmp_path / "checkout")
    checkouts.put(root, METHOD, TEXT)
    checkouts.put(root, "docs/other.md", "# Other\n\n## Part\n\nText.\n")
    checkouts.put_builder(root)
    seen, render = [], Page.render

    def counted(self, config, files):
        seen.append(self.file.src_uri)
        render(self, config, files)

    monkeypatch.setattr(Page, "render", counted)

    def once(name):
        seen.clear()
        config = load_config(str(root / "mkdocs.yml"), site_dir=str(tmp_path / name))
        config.plugins.on_startup(command="build", dirty=False)
        build(config)
        return set(seen)

    return once


def told(caplog):
    found = [
        each.getMessage() for each in caplog.records if each.levelname == "WARNING" and "method.md" in each.message
    ]
    caplog.clear()
    return found


def test_a_page_that_is_kept_is_as_it_was_rendered(built, tmp_path, caplog):
    """Its text, contents, anchors and entries in the search; one with a mark or a figure is rendered each time."""
    first, again = built("one"), built("two")

    assert differing(tmp_path / "one", tmp_path / "two") == []
    assert {"method.md", "other.md", "questions/shapes/area.md"} <= first
    assert "questions/shapes/area.md" in again
    assert not {"method.md", "other.md"} & again
    assert told(caplog) == []


def test_a_link_to_a_page_that_is_gone_is_told_in_every_build(built, tmp_path, caplog):
    """The page that has it is rendered again, and stays so until its link leads somewhere."""
    built("one")
    (tmp_path / "checkout/docs/other.md").unlink()
    caplog.clear()
    for name in ("two", "three"):
        assert "method.md" in built(name)
        assert len(told(caplog)) == 2
    checkouts.put(tmp_path / "checkout", "docs/other.md", "# Other\n\nText.\n")
    built("four")
    [anchor] = told(caplog)

    assert "#part" in anchor


def test_another_option_of_an_extension_renders_pages_again(built, tmp_path):
    built("one")
    file = tmp_path / "checkout/mkdocs.yml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("permalink_title: Link", "permalink_title: Way"), encoding="utf-8")
    again = built("two")

    assert "method.md" in again
    assert "Way to this section" in (tmp_path / "two/method/index.html").read_text(encoding="utf-8")
