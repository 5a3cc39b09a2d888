"""A checkout as a build takes it: all that is read of it, read once. What is given one opens none of these files again.

Questions, themes, sources, terms, pages, configuration; and the runs, each of which is read when it is first asked for.
What an edit left as it was is taken over from the checkout that was read before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attnsite.content import glossary
from attnsite.content import questions as content
from attnsite.content.evidence import Evidence
from attnsite.content.questions import Question, Source, Theme
from attnsite.content.reading import Reading
from attnsite.measure import here
from attnsite.records import ordinary, run_file
from attnsite.records.mistakes import Mistake, raise_all
from attnsite.site import about
from attnsite.site.about import Site
from attnsite.site.disk_cache import Cache


@dataclass(frozen=True)
class Checkout:
    """What a checkout says.

    `every_question` has drafts too, in the order of the menu. `texts` are the Markdown files of `docs/` by their path
    below the checkout, as they stand; of one that is not UTF-8 the text is None. `refused` are the mistakes of
    questions and themes, without which no page is made, `unread` those of sources, which only who cites them misses.
    `experiments` are those that have a run. `root` is for the paths of what is not read here: pictures, assets, what is
    kept from build to build.
    """

    root: Path
    configuration: Mapping[str, Any]
    site: Site
    themes: tuple[Theme, ...]
    every_question: tuple[Question, ...]
    sources: Mapping[str, Source]
    terms: tuple[glossary.Term, ...]
    texts: Mapping[Path, str | None]
    notebooks: tuple[str, ...]
    experiments: tuple[str, ...]
    evidence: Evidence
    refused: tuple[Mistake, ...]
    unread: tuple[Mistake, ...]
    reading: Reading

    @classmethod
    def load(cls, root: Path, before: "Checkout | None" = None) -> "Checkout":
        """Read a checkout. Nothing is raised for what is wrong in it; `raise_refused` does.

        After an edit of texts alone, `before` is what was read then: its runs are taken over, and what was parsed of
        files that are the same.
        """
        reading = Reading(before.reading if before else None)
        configuration = about.configuration(root)
        themes, wrong = content.read_themes(root, reading)
        questions, mistakes = content.read_questions(root, reading)
        sources, unread = content.read_sources(root, reading)
        return cls(
            root=root,
            configuration=configuration,
            site=about.of(configuration, root),
            themes=tuple(themes),
            every_question=tuple(questions),
            sources=sources,
            terms=tuple(glossary.read(root, reading)),
            texts=_texts(root, reading),
            notebooks=tuple(path.name for path in ordinary.files(root, Path("docs/notebooks"), "*.py")),
            experiments=tuple(run_file.experiments(root)),
            evidence=before.evidence if before else Evidence(root, here.keeps),
            refused=(*wrong, *mistakes),
            unread=tuple(unread),
            reading=reading,
        )

    def raise_refused(self) -> None:
        """Raise every mistake of questions and themes, at once."""
        raise_all(self.refused)

    @property
    def questions(self) -> tuple[Question, ...]:
        """Those that are built: no drafts."""
        return tuple(question for question in self.every_question if not question.draft)

    @property
    def written(self) -> dict[str, str]:
        """The pages that are written by hand, by their path below `docs/`: no questions and no themes."""
        return {
            path.relative_to("docs").as_posix(): text
            for path, text in self.texts.items()
            if path.parts[1] != "questions" and text is not None
        }

    @property
    def cache(self) -> Cache:
        """What took long to make, from build to build."""
        return Cache(self.root)

    def file_of(self, machine: str, experiment: str) -> Path:
        """The file of a machine's run of an experiment."""
        return run_file.path_of(self.root, machine, experiment)


def _texts(root: Path, reading: Reading) -> dict[Path, str | None]:
    found: dict[Path, str | None] = {}
    for path in ordinary.files(root, Path("docs"), "**/*.md"):
        try:
            found[path.relative_to(root)] = reading.text(path)
        except UnicodeDecodeError:
            found[path.relative_to(root)] = None
    return found
