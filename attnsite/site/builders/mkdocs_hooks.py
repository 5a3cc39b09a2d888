"""MkDocs' way in: hands it the pages, files and menu that `attnsite.site.pages.render` makes. It decides nothing."""

import atexit
import contextlib
import gc
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import Abort
from mkdocs.livereload import LiveReloadServer
from mkdocs.structure.files import Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page

from attnsite.records import csv_tables, fingerprint
from attnsite.records.mistakes import flatten, raise_all
from attnsite.site import about
from attnsite.site.answers import Answers
from attnsite.site.builders import finish, highlighting, kept_pages, searching, templates
from attnsite.site.builders import mkdocs_notebooks as notebooks
from attnsite.site.builders import mkdocs_preview as preview
from attnsite.site.builders.mkdocs_preview import EXTENSION, give
from attnsite.site.disk_cache import Cache
from attnsite.site.pages import render as pages

log = logging.getLogger("mkdocs.attnsite")
atexit.register(gc.collect)  # MkDocs' own state logs when it is destroyed, which fails at the interpreter's end
_serving = False  # MkDocs' server adds a script of its own to each page, which no policy should know


def on_startup(command: str, dirty: bool) -> None:
    global _serving
    _serving = command == "serve"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    with told():
        raise_all(csv_tables.faults())
    preview.started()
    cache = Cache(root(config))
    highlighting.remember(cache)
    fingerprint.keep(cache.kept)
    if index := searching.index_of(config.plugins):
        searching.remember(index, cache)
    notebooks.forget_outdated(root(config))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    stamp = preview.stamp(config) if _serving else {}
    with told():
        answers = Answers.load(root(config))
        made = {**pages.render(answers), **pages.published(answers, with_cards=not _serving)}
        config.nav = pages.navigation(answers.checkout)
    give(config, answers)
    for path, held in made.items():
        preview.put(files, path, held, config)
    if _serving:
        preview.begun(preview.Built(answers, config, files, made, config.nav, stamp))
    return files


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> None:
    preview.ordered(nav)


def on_env(env: Environment, config: MkDocsConfig, files: Files) -> None:
    env.bytecode_cache = templates.Compiled(root(config))
    preview.read(env)


def on_pre_page(page: Page, config: MkDocsConfig, files: Files) -> Page:
    if page.file.src_uri.startswith("notebooks/") and page.file.src_uri.endswith(".py"):
        path, render = Path(page.file.abs_src_path or ""), page.render

        def rendered(*given: object) -> None:
            with told():
                notebooks.telling(render, path, f"docs/{page.file.src_uri}")(*given)

        page.render = rendered  # type: ignore[assignment, method-assign]
    else:
        kept_pages.remember(page, Cache(root(config)))
    return page


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    if page.present_anchor_ids is not None:  # MkDocs saw the text before figures stood in it
        page.present_anchor_ids |= pages.anchors(html)
    return notebooks.slim(html, page.file.src_uri) if page.file.src_uri.endswith(".py") else html


def on_post_page(html: str, page: Page, config: MkDocsConfig) -> str:
    return pages.name_menus(html)


def on_post_build(config: MkDocsConfig) -> None:
    preview.ended()
    if not _serving:
        with told():
            answers: Answers = config.mdx_configs[EXTENSION]["answers"]
            finish.finish(answers, Path(config.site_dir))
        if unsaid := about.unsaid(answers.checkout.site):
            log.info(unsaid)  # no warning: a strict build is one that may be read, wherever
        answers.checkout.cache.forget()


def on_serve(server: LiveReloadServer, config: MkDocsConfig, builder: Any) -> None:
    preview.attach(server)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Mistakes in MkDocs' own way to end a build: a line each."""
    try:
        yield
    except Exception as error:
        mistakes = flatten(error)
        if not mistakes:
            raise
        raise Abort("\n".join(str(mistake) for mistake in mistakes)) from None


def root(config: MkDocsConfig) -> Path:
    return Path(config.config_file_path).resolve().parent
