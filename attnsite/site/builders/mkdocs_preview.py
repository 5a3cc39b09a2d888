"""What MkDocs' server does after an edit of a page's Markdown: it makes the pages that it changed, and no others.

A whole build leaves what that needs: its files, its menu, its templates, and each page's text. Whatever else has
changed since, a figure, a result, the theme or what the menu lists, is left to the next whole build. What is then on
disk is what a whole build would have made; a test compares the two.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment
from mkdocs.commands import build
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.livereload import LiveReloadServer
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from watchdog.observers.polling import PollingObserver

from attnsite.content import glossary
from attnsite.records.mistakes import flatten, raise_all
from attnsite.site.answers import Answers
from attnsite.site.builders import checks, searching
from attnsite.site.checkout import Checkout
from attnsite.site.pages import render as pages

EXTENSION = "attnsite.site.markdown.extension"
Held = str | Path
Stamp = Mapping[Path, tuple[int, int]]  # of each file: when it was written, its bytes
LOOKS_S = 0.2  # how often the server looks for edits; one look takes some milliseconds
SETTLES_S = 0.05  # how long no other file may change before it builds
log = logging.getLogger("mkdocs.attnsite")


@dataclass
class Built:
    """A build of the whole site, and the edits since: what it was made from, what it was told to make, and what a page
    is made with."""

    answers: Answers
    config: MkDocsConfig
    files: Files
    made: dict[str, Held]
    menu: pages.Navigation
    stamp: Stamp  # of all that is watched, as it was before
    stands: dict[str, str] = field(default_factory=dict)  # the address of each figure
    nav: Navigation = field(init=False)
    env: Environment = field(init=False)
    drafts: dict[str, str] = field(default_factory=dict)  # Markdown that MkDocs takes as it stands
    contents: dict[str, str | None] = field(default_factory=dict)  # pages' HTML, before the search takes its hints out


def give(config: MkDocsConfig, answers: Answers) -> None:
    """Let the Markdown extension write from these answers."""
    config.mdx_configs.setdefault(EXTENSION, {})["answers"] = answers


_begun: Built | None = None
_whole: Built | None = None  # the last build that came to its end


# --- what a build of the whole site tells ------------------------------------------------------------------------


def started() -> None:
    """The folder is cleaned: an edit has nothing to go on from until the end."""
    global _begun, _whole
    _begun = _whole = None


def begun(built: Built) -> None:
    global _begun
    _begun = built
    built.stands = pages.standing(built.answers.checkout)


def ordered(nav: Navigation) -> None:
    if _begun:
        _begun.nav = nav


def read(env: Environment) -> None:
    if _begun:
        _begun.env = env
        _begun.contents = {page.file.src_uri: page.content for page in _pages(_begun)}
        _begun.drafts = _drafts(_begun)


def ended() -> None:
    global _whole
    _whole = _begun


def stamp(config: MkDocsConfig) -> Stamp:
    """The state of every file that the server watches, but for what editors and Python put beside them."""
    watched = [Path(path) for path in (config.docs_dir, config.config_file_path, *config.watch)]
    files = (file for path in watched for file in (_inside(path) if path.is_dir() else [path]))
    states = {file: file.stat() for file in files if file.is_file()}
    return {file: (state.st_mtime_ns, state.st_size) for file, state in states.items()}


def _inside(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        yield from (Path(at, name) for name in names if not name.startswith((".", "#")) and not name.endswith("~"))


def put(files: Files, path: str, held: Held, config: MkDocsConfig) -> File:
    """Have a file of the site made from text or copied, in the place of what has its path."""
    if known := files.get_file_from_path(path):
        files.remove(known)
    source: dict[str, Any] = {"abs_src_path": str(held)} if isinstance(held, Path) else {"content": held}
    files.append(made := File.generated(config, path, **source))
    return made


# --- an edit ---------------------------------------------------------------------------------------------------


def attach(server: LiveReloadServer) -> None:
    """Let the server look more often, and build no more than it must."""
    whole = server.builder

    def builder() -> None:
        if not edited():
            whole()

    server.builder = builder
    server.build_delay = SETTLES_S
    watched = list(server._watched_paths)  # MkDocs has no other way to say how often to look
    for path in watched:
        server.unwatch(path)
    server.observer = PollingObserver(timeout=LOOKS_S)
    for path in watched:
        server.watch(path)


def edited() -> bool:
    """Bring the built site up to date, or return False where that takes a build of the whole.

    A mistake is told, a line each, and the pages stay as they were.
    """
    if _whole is None or not _only_pages(_whole):
        return False
    try:
        return _remade(_whole)
    except Exception as error:
        mistakes = flatten(error)
        if not mistakes:
            raise
        for mistake in mistakes:
            log.error(str(mistake))
        return True


def _only_pages(built: Built) -> bool:
    """Whether nothing but the Markdown of known pages is other than it was."""
    docs = Path(built.config.docs_dir)
    own = {docs / path for path in (*built.made, *built.drafts) if path.endswith(".md")}
    own.discard(built.answers.checkout.root / glossary.FILE)

    def others(stamp: Stamp) -> Stamp:
        return {file: state for file, state in stamp.items() if file not in own}

    return others(stamp(built.config)) == others(built.stamp)


def _remade(built: Built) -> bool:
    before = built.answers.checkout
    checkout = Checkout.load(before.root, before)
    answers = Answers(checkout, built.answers)
    edited = {path.relative_to(checkout.root) for path in checkout.reading.changed()}
    raise_all(checks.in_texts(answers, only=edited))
    rendered = pages.render(answers)
    menu = pages.navigation(checkout)
    if menu != built.menu or rendered.keys() != {path for path in built.made if path.endswith(".md")}:
        return False
    try:
        drafts = _drafts(built)
    except FileNotFoundError:
        return False
    beside = pages.beside_questions(answers, with_cards=False)
    stands = pages.standing(checkout)
    moved = {name for name in {*stands, *built.stands} if stands.get(name) != built.stands.get(name)}
    beside |= pages.sheets(answers, sorted(moved), stands)
    give(built.config, answers)
    _write_pages(built, {**_changed(built.made, rendered), **_changed(built.drafts, drafts)})
    for path, held in _changed(built.made, beside).items():
        put(built.files, path, held, built.config).copy_file()
    built.made |= {**rendered, **beside}
    built.answers, built.drafts, built.stands = answers, drafts, stands
    return True


def _changed(before: Mapping[str, Held], now: Mapping[str, Held]) -> dict[str, Held]:
    return {path: held for path, held in now.items() if before.get(path) != held}


def _drafts(built: Built) -> dict[str, str]:
    files = (page.file for page in _pages(built) if page.file.src_uri.endswith(".md"))
    return {file.src_uri: file.content_string for file in files if file.src_uri not in built.made}


def _write_pages(built: Built, changed: Mapping[str, Held]) -> None:
    """Read the pages that have changed and write them; all pages where the menu, which is on each, says other words."""
    before = [_in_menu(page) for page in _pages(built)]
    for path, text in changed.items():
        file = built.files.get_file_from_path(path)
        assert file is not None
        assert file.page is not None
        if path in built.made:
            file.content_string = str(text)
        build._populate_page(file.page, built.config, built.files)
        built.contents[path] = file.page.content
    all_pages = list(_pages(built))
    everywhere = [_in_menu(page) for page in all_pages] != before
    _dress(built, [page for page in all_pages if everywhere or page.file.src_uri in changed])
    if everywhere:
        for name in built.config.theme.static_templates:
            build._build_theme_template(name, built.env, built.files, built.config, built.nav)


def _dress(built: Built, dressed: Iterable[Page]) -> None:
    """Put pages' HTML into the theme's, and their entries into the search index in the place of those they had."""
    index = searching.index_of(built.config.plugins)
    before = list(index.entries) if index else []
    if index:
        index.entries = []
    for page in dressed:
        page.content = built.contents[page.file.src_uri]
        build._build_page(page, built.config, built.files.documentation_pages(), built.nav, built.env)
        page.validate_anchor_links(files=built.files, log_level=built.config.validation.links.anchors)
    if index:
        index.entries = searching.merged(before, index.entries)
    built.config.plugins.on_post_build(config=built.config)


def _pages(built: Built) -> Iterable[Page]:
    return (file.page for file in built.files.documentation_pages() if file.page)


def _in_menu(page: Page) -> object:
    """What other pages show of a page."""
    return page.title, {name: told for name, told in page.meta.items() if name != "description"}
