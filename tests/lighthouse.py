"""Lighthouse over the key pages of a built site: each several times, their medians as a table and as files.

    scripts/lighthouse.sh              # gets Lighthouse by npm, and looks at site/

The site is served here as a static host would: compressed, and as if it had been built for the address it is served
at, since an address of another host in its head costs points. The scores of speed depend on how busy the machine is:
what a page costs is measured here and scaled to a phone's processor. So the load and Lighthouse's own index of the
machine are told with them.
"""

import argparse
import contextlib
import functools
import gzip
import http.server
import json
import mimetypes
import os
import re
import statistics
import subprocess
import sys
import threading
import urllib.parse
from pathlib import Path

from attnsite.site.figures import chromium

ROOT = Path(__file__).parents[1]
PAGES = ("", "questions/practice/multi_head_or_single_head/", "calculator/", "notebooks/heads_by_hand/", "evidence/")
FORMS = ("mobile", "desktop")
CATEGORIES = {"performance": "performance", "accessibility": "accessibility", "best-practices": "best practices",
              "seo": "SEO"}  # fmt: skip
METRICS = {"first-contentful-paint": "FCP ms", "largest-contentful-paint": "LCP ms", "total-blocking-time": "TBT ms",
           "cumulative-layout-shift": "CLS", "speed-index": "SI ms", "total-byte-weight": "bytes"}  # fmt: skip
TARGET = {("mobile", "performance"): 95}  # 100 for all others
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update")  # fmt: skip
KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".mjs": "text/javascript",
         ".json": "application/json", ".md": "text/markdown; charset=utf-8"}  # fmt: skip
PACKED = {".html", ".css", ".js", ".mjs", ".json", ".svg", ".xml", ".txt", ".md"}
REWRITTEN = {".html", ".xml", ".txt"}


# --- what runs say ---------------------------------------------------------------------------------------------


def scores(report: dict) -> dict:
    """Of one run's report: the four scores of 100, the metrics, the machine's index and the audits that cost points."""
    audits, found = report["audits"], {}
    for name in CATEGORIES:
        score = report["categories"][name]["score"]
        found[name] = None if score is None else round(100 * score)  # none where an audit of it could not be made
    counted = {part["id"] for name in CATEGORIES for part in report["categories"][name]["auditRefs"] if part["weight"]}
    return {
        "scores": found,
        "metrics": {name: audits[name].get("numericValue") for name in METRICS},
        "index": report["environment"]["benchmarkIndex"],
        "short": sorted(name for name in counted if (score := audits[name]["score"]) is not None and score < 0.9),
    }


def median(runs: list[dict]) -> dict:
    """Of several runs of one page: the median of each score and metric, and every audit that ever cost points."""

    def middle(part, name):
        values = [run[part][name] for run in runs]
        return None if None in values else statistics.median(values)

    return {
        "scores": {name: middle("scores", name) for name in CATEGORIES},
        "speed": [pick(run["scores"]["performance"] or 0 for run in runs) for pick in (min, max)],
        "metrics": {name: middle("metrics", name) for name in METRICS},
        "index": statistics.median(run["index"] for run in runs),
        "short": sorted({audit for run in runs for audit in run["short"]}),
    }


def told(values) -> list[str]:
    """Scores in words."""
    return ["none" if score is None else f"{score:g}" for score in values]


def misses(rows: list[dict]) -> list[str]:
    """A line for each score below its target, with the audits that took the points."""
    lines = []
    for row in rows:
        for name, score in row["scores"].items():
            wanted = TARGET.get((row["form"], name), 100)
            if score is None or score < wanted:
                lines.append(
                    f"{row['page'] or 'home'} ({row['form']}): {CATEGORIES[name]} {told([score])[0]}, wanted {wanted}; "
                    f"audits below 0.9: {', '.join(row['short']) or 'none'}"
                )
    return lines


def table(rows: list[dict]) -> str:
    """The medians in Markdown; performance with its lowest and highest run."""
    heads = ["page", "form", *CATEGORIES.values(), *METRICS.values()]
    lines = [heads, ["---"] * len(heads)]
    for row in rows:
        shown = told(row["scores"].values())
        shown[0] += " ({} to {})".format(*row["speed"])
        numbers = ["none" if value is None else f"{value:,.3g}" if value < 1 else f"{value:,.0f}"
                   for value in row["metrics"].values()]  # fmt: skip
        lines.append([row["page"] or "home", row["form"], *shown, *numbers])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def summary(rows: list[dict], version: str, load: float | None) -> str:
    """The report: how it was made, the table, and what is below its target."""
    index = statistics.median(row["index"] for row in rows)
    made = (
        f"Lighthouse {version}, medians of {rows[0]['runs']} runs, a new browser for each; beside the performance its "
        f"lowest and highest run. The machine's index was {index:,.0f}"
    )
    made += "." if load is None else f", its load before the runs {load:.1f}."
    below = [f"- {line}" for line in misses(rows)] or ["Every score is at its target or above."]
    return "\n\n".join([made, table(rows), "\n".join(below)]) + "\n"


# --- the site as its host would serve it -----------------------------------------------------------------------


class Host(http.server.BaseHTTPRequestHandler):
    """Answers from a folder over HTTP/1.1; `answer` gives status, type, whether it is compressed, and the body."""

    protocol_version = "HTTP/1.1"

    def __init__(self, answer, *more):
        self.answer = answer
        super().__init__(*more)

    def do_GET(self):
        status, kind, packed, body = self.answer(self.path.partition("?")[0], f"http://{self.headers['Host']}/")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=600")
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def published(folder: Path) -> str:
    """The address of the site's root that the pages name as theirs; empty where they name none."""
    found = re.search(r'<link rel="canonical" href="([^"]+)">', (folder / "index.html").read_text(encoding="utf-8"))
    return found[1] if found else ""


def host(folder: Path):
    """What answers for a folder: compressed where that helps, the published address replaced by the one asked at."""
    named, root = published(folder), folder.resolve()

    @functools.cache
    def answer(path, here):
        file = (root / urllib.parse.unquote(path).lstrip("/")).resolve()
        if file.is_dir():
            file /= "index.html"
        status = 200 if file.is_relative_to(root) and file.is_file() else 404
        file = file if status == 200 else root / "404.html"
        kind = KINDS.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        body = file.read_bytes()
        if named and file.suffix in REWRITTEN:
            body = body.replace(named.encode(), here.encode())
        packed = file.suffix in PACKED
        return status, kind, packed, gzip.compress(body, 9) if packed else body

    return answer


@contextlib.contextmanager
def serve(folder: Path):
    """The address at which the folder is served."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Host, host(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()


# --- the runs --------------------------------------------------------------------------------------------------


def visit(tool: Path, browser: str, address: str, form: str) -> dict:
    """The report of one run, in a browser that is started for it."""
    words = ["node", str(tool / "node_modules" / "lighthouse" / "cli" / "index.js"), address, "--quiet",
             "--output=json", f"--chrome-flags={' '.join(FLAGS)}",
             f"--only-categories={','.join(CATEGORIES)}"]  # fmt: skip
    if form == "desktop":
        words.append("--preset=desktop")
    done = subprocess.run(words, env=os.environ | {"CHROME_PATH": browser}, capture_output=True, text=True, timeout=300)
    if done.returncode or not done.stdout:
        said = (done.stderr or "no word").strip().splitlines()
        raise SystemExit(f"lighthouse: no report of {address} ({form}): {said[-1] if said else 'no word'}")
    return json.loads(done.stdout)


def measure(options: argparse.Namespace, browser: str) -> list[dict]:
    """A row for each page and form; the reports of the last runs are kept, for who wants to see more."""
    rows = []
    with serve(options.site) as address:
        for page in options.page or PAGES:
            for form in FORMS:
                runs = []
                for _ in range(options.runs):
                    report = visit(options.tool, browser, address + page, form)
                    runs.append(scores(report))
                rows.append({"page": page, "form": form, "runs": len(runs), **median(runs)})
                name = f"{page.strip('/').replace('/', '.') or 'home'}.{form}.json"
                (options.out / name).write_text(json.dumps(report), encoding="utf-8")
                print("lighthouse:", page or "home", form, *told(rows[-1]["scores"].values()), file=sys.stderr)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "site", help="the folder of the built site")
    parser.add_argument("--runs", type=int, default=5, help="of each page and form (default: %(default)s)")
    parser.add_argument(
        "--page", action="append", help="below the site's root, again for more; the key pages otherwise"
    )
    parser.add_argument("--tool", type=Path, required=True, help="the folder that npm put Lighthouse into")
    parser.add_argument("--out", type=Path, default=ROOT / ".cache" / "attnsite" / "lighthouse")
    options = parser.parse_args()
    browser = chromium.find()
    if browser is None:
        raise SystemExit("lighthouse: there is no Chromium here: install one, or name it with CHROMIUM=/path")
    if not (options.site / "index.html").is_file():
        raise SystemExit(f"lighthouse: there is no site in {options.site}: build it with scripts/build.sh")
    options.out.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    version = json.loads((options.tool / "node_modules/lighthouse/package.json").read_text(encoding="utf-8"))["version"]
    rows = measure(options, browser)
    text = summary(rows, version, load)
    (options.out / "report.md").write_text(text, encoding="utf-8")
    kept = {"lighthouse": version, "load": load, "rows": rows}
    (options.out / "report.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(text)
    print(f"lighthouse: wrote report.md and report.json to {options.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
