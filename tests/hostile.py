"""Texts as strangers write them: markup, links, formulas, what terminals act on."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.measures.scoring import JUDGED
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult, Record, VariantFailure
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.judging import ratings
from evaluator.library import catalog
from evaluator.store import results
from evaluator.workspace.workspace import Workspace
from tests.recorded import begin

MARKUP = (
    "![i](http://elsewhere.example/i.png)",
    "[link](http://elsewhere.example)",
    "<img src=http://elsewhere.example/x onerror=\"document.title='ran'\">",
    "<script>document.title='ran'</script>",
    "<http://elsewhere.example/>",
    "see http://elsewhere.example/x and https://elsewhere.example",
    "www.elsewhere.example",
    "WWW.elsewhere.example",
    "me@elsewhere.example",
    ":smile: and :+1:",
    ":material/home: and :material_home:",
    ":streamlit:",
    ":red[red] :red-background[red] :gray-badge[badge] :small[small] :help[help] :shimmer[x]",
    ':color[coloured]{foreground="red" background="blue"}',
    ':{foreground="red"} and x:{y}',
    "::leaf[x]",
    ":::container",
    "$x^2$ and $$y$$",
    "`code` ``more``",
    "**bold** __bold__ *em* _em_ ~~gone~~ ~gone~",
    "word[^1] and [^1]: note",
    "[ref]: http://elsewhere.example",
    "# heading",
    "#hashtag",
    "- item",
    "* item",
    "+ item",
    "1. item",
    "1) item",
    "> quote",
    "---",
    "===",
    "```python",
    "~~~",
    "| a | b |",
    "- [ ] task",
    "a -> b <- c <-> d -- e >= f <= g ~= h",
    "--",
    "&lt; &amp; &#58;smile&#58; &copy;",
    r"\ \\ \* \:smile: \\",
    "C:\\new\\table",
    "10:30, 2:1",
    "a_b_c",
    "ends with: ",
)
"""What Streamlit's Markdown draws as something else than it is, one line each."""

ESCAPES = (
    "\x1b[2Jcleared",
    "\x1b]8;;http://elsewhere.example\x07click\x1b]8;;\x07",
    "\x1b]0;title\x07",
    "\x9b31mred",
    "\x07bell\x08\x7f",
    "\u202egnp.exe",
    "\u2066isolated\u2069",
    "zero\u200bwidth\ufeff",
    "two\u2028lines",
)
"""What a terminal acts on, or what hides."""

RICH = ("[bold red]rich[/]", "[link=http://elsewhere.example]click[/link]", "[/]", ":smile:")
"""What the library that draws tables in the terminal takes for markup."""

FORMULAS = (
    "=cmd|'/c calc'!A1",
    '=HYPERLINK("http://elsewhere.example","click")',
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1+1",
)
"""What spreadsheets compute."""

IDS = tuple("_".join(text.split()) for text in (*MARKUP, *ESCAPES[:5], *FORMULAS[:5]))
"""The same as ids, which hold no white space."""
NAME = "<b onclick=alert(1)> :smile: **x** www.elsewhere.example [bold red]x[&sol;] $y$"
"""Of a dataset: one line without a slash."""
EXPERIMENT = (
    "![i](http://elsewhere.example/i.png) <script>document.title='ran'</script> :red[x] [bold red]r[/]"
)
VARIANTS = ("www.elsewhere.example", "image", "-1+1", "_em_")
"""A variant's name holds letters, digits and few signs."""
TAGS = ("[x](http://elsewhere.example)", ":smile: [y]", "=1+1")


def write_hostile(folder: Path) -> Path:
    """Write a BEIR folder whose every string is hostile; one query is judged under each id, in turn."""
    (folder / "qrels").mkdir(parents=True)
    texts = (*MARKUP, *ESCAPES, *RICH, *FORMULAS)
    documents = [
        {"_id": id_, "title": texts[n % len(texts)], "text": f"document {texts[-n % len(texts)]}"}
        for n, id_ in enumerate(IDS)
    ]
    queries = [
        {"_id": id_, "text": f"document {texts[n % len(texts)]}", "tags": [TAGS[n % len(TAGS)]]}
        for n, id_ in enumerate(IDS[: -len(FORMULAS[:5]) - 12 : 4])
    ]
    for name, rows in (("corpus", documents), ("queries", queries)):
        written = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(written, encoding="utf-8")
    judged = [f"{query['_id']}\t{IDS[n]}\t1\n" for n, query in enumerate(queries)]
    (folder / "qrels" / "test.tsv").write_text(
        "".join(["query-id\tcorpus-id\tscore\n", *judged]), encoding="utf-8"
    )
    return folder


def hostile_experiment(dataset: str, **bm25: float) -> str:
    """The file of an experiment over it, with a variant of every name; each is a BM25 of its own."""
    return yaml.safe_dump(
        {
            "name": EXPERIMENT,
            "dataset": dataset,
            "measures": ["nDCG@10", "RR@10"],
            "variants": [
                {"name": name, "retrieve": {"bm25": {"k1": 0.5 + n / 4, **bm25}}}
                for n, name in enumerate(VARIANTS)
            ],
        },
        allow_unicode=True,
    )


def record_hostile(workspace: Workspace, folder: Path) -> ExperimentSpec:
    """Import the dataset in a folder, and record an experiment over it that has not run.

    The last variant failed as a whole, and two queries failed under each of the others.
    """
    row = catalog.import_folder(workspace, folder, NAME)
    row = catalog.describe(workspace, NAME, "\n".join(MARKUP), TAGS)
    spec = lifecycle.resolve_spec(
        workspace, parse_experiment(hostile_experiment(NAME)), row, allow_paths=False
    )
    begin(workspace.database, spec, row.name, row.manifest.n_queries)
    records: list[Record] = []
    for place, variant in enumerate(VARIANTS[:-1]):
        for n, query in enumerate(catalog.load(workspace, row).queries):
            if n < 2:
                error = f"ValueError: {MARKUP[n]} {ESCAPES[n]}"
                records.append(QueryResult(spec.id, variant, query.query_id, error=error))
                continue
            found = Ranking((IDS[n], IDS[-n - 1], IDS[2]), (3.0, 2.0, 1.0))
            measures = {"nDCG@10": 0.2 * place + 0.01 * n, "RR@10": 0.5, JUDGED: 0.3}
            records.append(QueryResult(spec.id, variant, query.query_id, found, measures, 0.002))
    records.append(VariantFailure(spec.id, VARIANTS[-1], f"error: {MARKUP[0]} {ESCAPES[0]}"))
    results.record(workspace.database, records)
    ratings.write_guidelines(workspace, row.id, MARKUP[0])
    return spec
