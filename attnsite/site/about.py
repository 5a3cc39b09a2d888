"""What the configuration and CITATION.cff say of the site: its name and address, who made it, under which licence."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

LICENSES = {"MIT": "https://opensource.org/license/mit"}


@dataclass(frozen=True)
class Site:
    """Who publishes what where. `url` ends in a slash; empty while nobody has said where the site will stand.

    `edit` is what comes before a file's path, below the checkout, in the address where it can be edited; empty where
    no repository is known.
    """

    name: str
    description: str
    url: str
    repository: str
    edit: str
    authors: tuple[str, ...]
    license: str

    def at(self, path: str) -> str:
        """The absolute address of a place of the site; its path where the site has no address yet."""
        return self.url + path

    @property
    def license_url(self) -> str:
        return LICENSES.get(self.license, f"https://spdx.org/licenses/{self.license}.html" if self.license else "")


class Loader(yaml.SafeLoader):
    """YAML as MkDocs reads it: `!ENV` takes a value from the environment."""


class _Unconcerned(Loader):
    """The same where nobody asks for what stands behind a tag of Python's."""


def _environment(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    names = loader.construct_sequence(node) if isinstance(node, yaml.SequenceNode) else [node.value]
    first = next((os.environ[name] for name in names if name in os.environ), None)
    return first if first is not None else (names[-1] if isinstance(node, yaml.SequenceNode) else None)


Loader.add_constructor("!ENV", _environment)
_Unconcerned.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: None)


def read(root: Path) -> Site:
    """What is said of the site in a checkout."""
    return of(configuration(root), root)


def unsaid(site: Site) -> str:
    """What follows from it that nobody has said where the site will stand, in a line; empty where it was said."""
    if site.url and not (urlsplit(site.url).hostname or "").endswith(".example"):
        return ""
    written = f"say {site.url}" if site.url else "are left out"
    return (
        f"SITE_URL is not set: canonical addresses, feed, cards and the map for search engines {written}. "
        "Pages work under any address all the same; to publish, set SITE_URL=https://…, with the sub-path, and build"
    )


def of(known: Mapping[str, Any], root: Path) -> Site:
    """What a configuration says of the site, and the CITATION.cff beside it."""
    cited = _mapping(root / "CITATION.cff")
    url, repository = known.get("site_url") or "", (known.get("repo_url") or "").rstrip("/")
    edit = known.get("edit_uri") or ("edit/main/" if "github.com" in repository else "-/edit/main/")
    people = [p.get("name") or f"{p.get('given-names', '')} {p.get('family-names', '')}".strip()
              for p in cited.get("authors") or []]  # fmt: skip
    return Site(
        name=known.get("site_name") or "",
        description=known.get("site_description") or "",
        url=url.rstrip("/") + "/" if url else "",
        repository=repository,
        edit=f"{repository}/{edit.removesuffix('docs/').strip('/')}/" if repository else "",
        authors=tuple(people) or (known.get("site_name") or "",),
        license=str(cited.get("license") or ""),
    )


def configuration(root: Path) -> dict[str, Any]:
    """The fields of a checkout's `mkdocs.yml`; what stands behind a tag of Python's is None."""
    return _mapping(root / "mkdocs.yml")


def _mapping(path: Path) -> dict[str, Any]:
    """A YAML file's fields; none where there is no such file."""
    found = yaml.load(path.read_text(encoding="utf-8"), _Unconcerned) if path.is_file() else None
    return found if isinstance(found, dict) else {}
