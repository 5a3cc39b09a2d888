"""The difference of two states of the site in words: lines for a terminal, and a comment for a pull request."""

from attnsite.diff.compare import Change, Difference


def summary(found: Difference) -> str:
    """All in a line: how much came and went, how many numbers moved, and how many of them by more than their spread."""
    told = [f"{title.rstrip(':').lower()} {len(names)}" for title, names in lists(found)]
    for title, by_place in groups(found):
        changes = [change for group in by_place.values() for change in group]
        beyond = sum(not change.noise for change in changes)
        told.append(
            f"{title[0].lower()}{title[1:]} {len(changes)}"
            + (f" ({beyond} beyond the spread)" if beyond < len(changes) else "")
        )
    return "; ".join(told)


def plain(found: Difference) -> list[str]:
    """Lines for a terminal."""
    if not found:
        return ["no difference in pages, texts, numbers, claims, figures, runs and sources"]
    lines = [summary(found), ""]
    for title, names in lists(found):
        lines += [title, *(f"  {name}" for name in names), ""]
    for title, by_place in groups(found):
        lines.append(title)
        for name, changes in by_place.items():
            lines.append(f"  {name}")
            for change in changes:
                noise = "  (within the spread)" if change.noise else ""
                lines.append(f"    {change.name}: {change.before} → {change.after}{noise}")
        lines.append("")
    return lines[:-1]


def markdown(found: Difference) -> list[str]:
    """A comment: what came and went in lists, numbers in tables that are folded where they are long."""
    lines = ["### What this change does to the site", ""]
    if not found:
        return [*lines, "Nothing: pages, texts, numbers, claims, figures, runs and sources are as before."]
    lines += [f"{summary(found)}.", ""]
    for title, names in lists(found):
        lines += [f"**{title}** " + "; ".join(map(cell, names)), ""]
    for title, by_place in groups(found):
        rows = [(name, change) for name, changes in by_place.items() for change in changes]
        sure = [row for row in rows if not row[1].noise]
        told = f"{title}: {len(rows)}" + (
            f", {len(rows) - len(sure)} of them within the spread" if sure != rows else ""
        )
        lines += [f"<details{' open' if len(rows) <= 12 else ''}><summary>{told}</summary>", ""]
        lines += ["| where | what | before | after | |", "| --- | --- | --- | --- | --- |"]
        for name, change in rows[:200]:
            noise = "within the spread" if change.noise else ""
            lines.append(f"| {' | '.join(map(cell, (name, change.name, change.before, change.after)))} | {noise} |")
        lines += [f"| … | and {len(rows) - 200} more | | | |"] if len(rows) > 200 else []
        lines += ["", "</details>", ""]
    return lines


def cell(text: str) -> str:
    """Text as Markdown shows it in a table, letter by letter: nothing in it is markup, a mention or a new cell."""
    return "".join(f"&#{ord(letter)};" if letter in "&<>|`*_[]@#\\" else letter for letter in " ".join(text.split()))


def lists(found: Difference) -> list[tuple[str, list[str]]]:
    named = (
        ("Pages added:", [found.titles.get(path, path) for path in found.pages_added]),
        ("Pages removed:", [found.titles.get(path, path) for path in found.pages_removed]),
        ("Figures added:", found.figures_added),
        ("Figures removed:", found.figures_removed),
        ("Sources added:", found.sources_added),
        ("Sources removed:", found.sources_removed),
        ("Texts changed:", found.texts),
    )
    return [(title, names) for title, names in named if names]


def groups(found: Difference) -> list[tuple[str, dict[str, list[Change]]]]:
    named = (
        ("Numbers in prose", found.prose),
        ("Claims", found.claims),
        ("Numbers of figures", found.figures),
        ("Runs", {"docs/results": found.runs} if found.runs else {}),
    )
    return [(title, groups) for title, groups in named if groups]
