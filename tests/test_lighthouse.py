"""What is made of Lighthouse's reports, and the host that serves the site for it; Lighthouse itself needs a network."""

import gzip
import urllib.error
import urllib.request

import pytest

from tests import lighthouse


def report(performance, lcp, *, canonical=1.0):
    """A report as Lighthouse writes it, as far as it is read."""
    audits = {name: {"score": 1, "numericValue": 10} for name in lighthouse.METRICS}
    audits["largest-contentful-paint"] = {"score": performance, "numericValue": lcp}
    audits |= {"canonical": {"score": canonical}, "hint": {"score": 0}, "not-made": {"score": None}}
    parts = {"performance": ["largest-contentful-paint", "not-made"], "seo": ["canonical"]}
    scores = {"performance": performance, "seo": canonical}
    return {
        "audits": audits,
        "environment": {"benchmarkIndex": 1000},
        "categories": {
            name: {
                "score": scores.get(name, 1),
                "auditRefs": [{"id": part, "weight": 1} for part in parts.get(name, [])]
                + [{"id": "hint", "weight": 0}],
            }
            for name in lighthouse.CATEGORIES
        },
    }


def row(form, *reports):
    runs = [lighthouse.scores(one) for one in reports]
    return {"page": "", "form": form, "runs": len(runs), **lighthouse.median(runs)}


def test_the_median_of_the_runs_is_shown_with_the_lowest_and_the_highest():
    """Of each score and metric by itself; one slow run changes neither."""
    found = row("mobile", *[report(score, lcp) for score, lcp in ((0.97, 1900), (0.4, 9000), (0.96, 2000))])

    assert found["scores"]["performance"] == 96
    assert found["metrics"]["largest-contentful-paint"] == 2000
    assert "| home | mobile | 96 (40 to 97) | 100 | 100 | 100 | 10 | 2,000 | 10 |" in lighthouse.table([found])


def test_what_is_below_its_target_is_named_with_the_audits_that_cost_it():
    """A phone may have 95 for speed, everything else 100; an audit without weight costs nothing."""
    good, bad = row("mobile", report(0.95, 2000)), row("desktop", report(0.95, 2000, canonical=0))

    assert lighthouse.misses([good]) == []
    assert lighthouse.misses([bad]) == [
        "home (desktop): performance 95, wanted 100; audits below 0.9: canonical",
        "home (desktop): SEO 0, wanted 100; audits below 0.9: canonical",
    ]
    assert "Every score" in lighthouse.summary([good], "1.2.3", None)


def test_a_category_without_a_score_is_no_success():
    """An audit that failed to run leaves none, and that is said."""
    broken = report(0.99, 1000)
    broken["categories"]["performance"]["score"] = None
    broken["audits"]["largest-contentful-paint"] = {"score": None, "errorMessage": "NO_LCP"}
    found = row("mobile", broken, report(0.99, 1000))

    assert found["scores"]["performance"] is None
    assert "performance none, wanted 95" in lighthouse.misses([found])[0]
    assert "| none (0 to 99) | 100 | 100 | 100 | 10 | none |" in lighthouse.table([found])


def test_the_host_compresses_and_has_the_address_it_is_asked_at(tmp_path):
    """Pages name the host that serves them as theirs, and nothing outside of the folder is given."""
    (tmp_path / "secret.txt").write_text("no")
    site = tmp_path / "site"
    (site / "a").mkdir(parents=True)
    head = '<link rel="canonical" href="https://attnsite.example/{}">'
    (site / "index.html").write_text(head.format(""), encoding="utf-8")
    (site / "a" / "index.html").write_text(head.format("a/"), encoding="utf-8")
    (site / "404.html").write_text("nothing here", encoding="utf-8")

    with lighthouse.serve(site) as address:
        with urllib.request.urlopen(f"{address}a/?q=1") as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert gzip.decompress(answer.read()).decode() == f'<link rel="canonical" href="{address}a/">'
        for path in ("b/", "..%2Fsecret.txt"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(address + path)
