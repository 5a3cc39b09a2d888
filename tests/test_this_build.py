"""This build's quick check: only of this machine, apart from results, never on a site for readers elsewhere."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from attnsite.content import questions as content
from attnsite.content.evidence import Evidence
from attnsite.measure import here, machine
from attnsite.records import registry, run_file
from attnsite.records.mistakes import Mistake
from attnsite.records.run_file import THIS_BUILD
from attnsite.site import addresses, exhibits
from attnsite.site.addresses import Page
from attnsite.site.answers import Answers
from attnsite.site.figures import fence, svg
from attnsite.site.pages import machines as machines_page
from attnsite.site.pages import render as pages
from tests import checkouts

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The small checkout, and a run of this build beside it, made here unless a test says otherwise."""
    for name in ("SITE_URL", here.PUBLISH):
        monkeypatch.delenv(name, raising=False)
    checkouts.register(monkeypatch)
    monkeypatch.setattr(svg.Pictures, "draw", lambda *_: None)
    checkouts.fill(tmp_path)
    put(tmp_path)
    return tmp_path


def put(root, sweep="quick", machine_facts=None, software=None):
    named = ("cpu", "cores", "architecture")
    facts = dict(zip(named, machine.identity(), strict=False)) | (machine_facts or {})
    versions = dict(zip(("python", "numpy", "numba"), machine.identity()[3:], strict=True)) | (software or {})
    provenance = dataclasses.replace(checkouts.run("any").provenance, machine=facts, software=versions)
    run = dataclasses.replace(checkouts.run(THIS_BUILD), sweep=sweep, provenance=provenance)
    run_file.write(run, run_file.path_of(root, THIS_BUILD, "squares"))


def shown(root):
    """Everything of the site in which a run of this build could appear, as one text."""
    rendered = "".join(pages.render(Answers.load(root)).values())
    return rendered + "".join(
        f"{path} {text}" for path, text in pages.published(Answers.load(root), with_cards=False).items()
    )


def test_a_run_of_this_machine_is_shown_apart(checkout):
    """After the others, in a group of its own, by a name that says what it is."""
    found = Answers.load(checkout).exhibits("squares")
    picker = fence.picker(
        "figure-x",
        fence.choices(found, lambda one: Page("index.md").at(addresses.figure("squares", one.machine, ".json"))),
    )
    own, apart = picker.split("<optgroup")

    assert [one.machine for one in found][-1] == THIS_BUILD
    assert 'value="laptop"' in own
    assert "this_build" not in own
    assert "this build: quick check, few points (" in apart
    assert machine.identity()[0] in exhibits.hardware(found[-1].run)
    assert f"results/{THIS_BUILD}/squares.json" in pages.published(Answers.load(checkout), with_cards=False)


@pytest.mark.parametrize(
    ("facts", "software"),
    [({"cpu": "another processor"}, {}), ({"cores": 99}, {}), ({"architecture": "other"}, {}),
     ({}, {"numba": "0.1"}), ({}, {"numpy": "0.1"}), ({}, {"python": "2.7"})],
)  # fmt: skip
def test_a_cache_that_came_from_elsewhere_is_nowhere_on_the_site(checkout, facts, software):
    """Another processor, another number of cores, or other versions: it is not this build, whoever restored it."""
    assert "this_build" in shown(checkout)
    put(checkout, machine_facts=facts, software=software)

    assert "this_build" not in shown(checkout)
    assert "this build" not in pages.render(Answers.load(checkout))["machines.md"]


@pytest.mark.parametrize("variable", ["SITE_URL", here.PUBLISH])
def test_a_site_for_readers_elsewhere_has_the_committed_machines_alone(checkout, monkeypatch, variable):
    """Once it is told its address, or `--publish` was asked for; the same checkout built for here has it again."""
    monkeypatch.setenv(variable, "https://attnsite.example/")
    assert "this_build" not in shown(checkout)
    monkeypatch.delenv(variable)
    assert "this_build" in shown(checkout)


def test_no_other_machines_picture_has_this_build_behind_it(checkout, monkeypatch):
    """A published picture is the one that was looked at."""
    seen = {}
    module = registry.module("figures", "squares")
    monkeypatch.setattr(module, "draw", lambda runs, draw=module.draw: seen.setdefault(
        runs[0].machine, [run.machine for run in runs]) and draw(runs))  # fmt: skip
    Answers.load(checkout).exhibits("squares")

    assert seen["laptop"][0] == "laptop"
    assert THIS_BUILD not in seen["laptop"]
    assert seen[THIS_BUILD][0] == THIS_BUILD


def test_a_quick_check_has_a_title_that_claims_nothing(checkout):
    """Its numbers fill no finding and no caption; a full sweep of the same machine does."""
    quick = Answers.load(checkout).exhibits("squares")[-1]
    assert quick.title == "This machine’s quick check of squares"
    assert not any("900" in text for text in (quick.title, quick.caption, quick.reading, quick.alt))

    put(checkout, sweep="full")
    full = Answers.load(checkout).exhibits("squares")[-1]
    assert full.title == "The square of 30 is 900"
    assert exhibits.call_run(full.run) == "this build"


def test_no_sentence_quotes_a_quick_check(checkout):
    """A mark that names one is a mistake, with the way out."""
    checkouts.put(checkout, "docs/questions/shapes/area.md", checkouts.question(body="[=squares.largest this_build]"))
    [mark] = content.marks("[=squares.largest this_build]")
    with pytest.raises(Mistake, match="a quick check of this_build, which has a few points; name a machine"):
        Evidence(checkout).number(mark)
    put(checkout, sweep="full")
    assert Evidence(checkout).number(mark).quantity.value > 900


def test_ratios_of_machines_leave_quick_checks_out(checkout):
    """Neither a column nor a number of theirs; the machine's own section says what it is."""
    page = machines_page.page(content.load_questions(checkout), Answers.load(checkout))

    assert "## this build: quick check, few points" in page
    assert "*This build* is the machine that built this copy" in page
    assert "this build" not in page.split("Ratios, machine by machine")[-1].split("\n## ")[0].lower() or (
        "Ratios, machine by machine" not in page
    )


@pytest.mark.parametrize("name", ["deploy", "release"])
def test_what_is_published_is_built_from_committed_runs(name):
    """No workflow that publishes takes results from a cache, and each says that its site is for readers elsewhere."""
    parsed = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
    steps = [step for job in parsed["jobs"].values() for step in job["steps"]]
    cached = [
        line for step in steps if "actions/cache@" in step.get("uses", "") for line in step["with"]["path"].split()
    ]
    built = [step["run"] for step in steps if "scripts/build.sh" in step.get("run", "")]

    assert built
    assert all("--no-measure" in command and "--publish" in command for command in built)
    assert not [path for path in cached if Path(path) in (run_file.BUILT, *run_file.BUILT.parents)]


CHOICE = """figure => {
  const select = figure.querySelector('.exhibit-machine select'), option = select.options[1];
  const group = document.createElement('optgroup');
  group.label = 'For this figure alone';
  option.replaceWith(group);
  group.append(option);
  return option.value;
}"""


@pytest.mark.browser
@pytest.mark.parametrize("kept", ["", "this_build"])
def test_what_stands_apart_is_picked_for_one_figure_and_never_kept(open_page, site, kept):
    """The other figures stay, the next page too, and the first machine brings this one back."""
    page = open_page(f"{site}questions/cost/what_more_heads_cost/")
    page.evaluate("kept => kept && localStorage.setItem('attnsite.machine', kept)", kept)
    page.reload()
    figure = page.locator("figure.exhibit:has(.exhibit-machine select)").first
    before = page.evaluate("() => [...document.querySelectorAll('figure.exhibit[data-spec]')].map(f => f.dataset.spec)")
    figure.scroll_into_view_if_needed()
    value = figure.evaluate(CHOICE)
    figure.locator("select").select_option(value)
    shows = "document.getElementById(id).querySelector('[data-run]').href.includes(value)"
    page.wait_for_function(f"([id, value]) => {shows}",
                           arg=[figure.get_attribute("id"), value])  # fmt: skip
    after = page.evaluate("() => [...document.querySelectorAll('figure.exhibit[data-spec]')].map(f => f.dataset.spec)")

    assert len([1 for one, other in zip(before, after, strict=True) if one != other]) == 1
    assert page.evaluate("localStorage.getItem('attnsite.machine') || ''") == kept
    assert figure.locator(".exhibit-note").inner_text() == "For this figure alone."
    figure.locator("select").select_option(index=0)
    page.wait_for_function(f"([id, value]) => !{shows}",
                           arg=[figure.get_attribute("id"), value])  # fmt: skip
    assert "Not measured on" not in figure.locator(".exhibit-note").inner_text()
