"""MkDocs' way in: hands it the pages, files and menu that `attnsite.site.pages` makes. It decides nothing."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import Abort
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from attnsite.errors import flatten
from attnsite.site import finish, notebooks, pages

_serving = False  # MkDocs' server adds a script of its own to each page, which no policy should know


def on_startup(command: str, dirty: bool) -> None:
    global _serving
    _serving = command == "serve"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.mdx_configs.setdefault("attnsite.site.markup", {})["root"] = str(root(config))
    notebooks.forget_outdated(root(config))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    with told():
        made = {**pages.render(root(config)), **pages.published(root(config))}
        config.nav = pages.navigation(root(config))
    for path, held in made.items():
        if known := files.get_file_from_path(path):
            files.remove(known)
        kept: dict[str, Any] = {"abs_src_path": str(held)} if isinstance(held, Path) else {"content": held}
        files.append(File.generated(config, path, **kept))
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    return notebooks.slim(html, page.file.src_uri) if page.file.src_uri.endswith(".py") else html


def on_post_page(html: str, page: Page, config: MkDocsConfig) -> str:
    return pages.name_menus(html)


def on_post_build(config: MkDocsConfig) -> None:
    if not _serving:
        with told():
            finish.finish(root(config), Path(config.site_dir))


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
