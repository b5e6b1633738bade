"""The glossary of `docs/glossary.md`, as help on pages; a test compares the two."""

from __future__ import annotations

from collections.abc import Mapping

TERMS: Mapping[str, str] = {
    "document": "a text that can be found; it has an id, and perhaps a title",
    "corpus": "all documents of a dataset",
    "query": "what somebody searches for; it has an id and a text, and perhaps tags",
    "judgment": "how relevant a document is to a query: a grade, 0 for not relevant",
    "qrels": "all judgments of a dataset, as TREC calls them",
    "dataset": "a corpus, queries and qrels under one name; it changes by versions",
    "version": "a dataset as it was from one change to the next; what was measured on it stays with it",
    "unjudged": "a document in a ranked list that nobody graded for that query; measures count it as not "
    "relevant",
    "rater": "a person whose grades count; several raters' grades become one judgment by majority",
    "encoder": "a model that turns a text into a vector",
    "strategy": "a way to find documents: BM25, dense, sparse, late interaction, a fusion, with or without "
    "passages and reranking",
    "variant": "a strategy with its model and all of its parameters: what one would ship",
    "passage": "a part of a document that is searched by itself",
    "candidate": "a document that a search found and a reranker reorders",
    "reranking": "reordering the best candidates of a search by a slower, better judge",
    "tokenizer": "what divides a text into the words that BM25 compares",
    "stemmer": "what removes a language's endings, so that `runs` matches `running`",
    "stop words": "words such as `the` that say little, and that a query is not searched by",
    "depth": "the number of documents in a ranked list",
    "experiment": "one dataset, several variants and some measures, executed",
    "run": "the ranked lists of a variant, as TREC calls them; one that was made elsewhere can be imported",
    "similarity metric": "how two vectors are compared: cosine, dot product or Euclidean distance",
    "quantization": "keeping vectors as bytes or bits, which takes less memory and loses some precision",
    "baseline": "the variant that others are compared with, chosen beforehand; often the one in production",
    "measure": "a number that says how good a ranked list is, such as nDCG@10, in ir-measures' notation",
    "score": "the value of a measure, of a query or as the mean over queries",
    "compared queries": "those that every listed variant completed and that have a relevant document",
    "interval": "where the mean over such queries lies with 95 % confidence",
    "p": "how often chance alone would show such a difference; corrected for how many comparisons there are",
    "separable": "two variants whose difference the queries can tell from chance",
    "tie group": "the best variant and those that are not separable from it",
    "slice": "a part of the queries, by tag, length, language or number of relevant documents",
    "cost": "what a variant takes: latency, index size, encoding time, money",
    "effect size": "the mean difference in standard deviations of the differences (Cohen's d)",
    "overlap": "the share of documents that two ranked lists have in common",
    "Pareto front": "the variants that no other variant beats in both quality and cost",
    "ranking policy": "the rules by which ranked lists are scored: ties, missing judgments, queries without a "
    "relevant document",
    "nDCG": "the gain of relevant documents, less the further down they are, as a share of the best "
    "possible order",
    "RR": "one divided by the rank of the first relevant document",
    "R": "recall: the share of the relevant documents that are in the list",
    "P": "precision: the share of the listed documents that are relevant",
    "AP": "the mean precision at the ranks of the relevant documents",
    "Success": "1 if a relevant document is in the list, else 0",
    "Judged": "the share of the listed documents that somebody judged; where it is low, scores may be too",
    "instance": "one server with its queue and workers, and everything under one home folder",
    "job": "one unit of queued work",
    "worker": "a process that takes jobs from the queue",
    "checkpoint": "a query's recorded result; an experiment continues with those that are missing",
    "plan": "what starting an experiment would take: cached and missing vectors, time, tokens, money, memory",
    "artifact": "a file that is written once and never changed: datasets, vectors, indexes",
    "dead letter": "a result that could not be recorded, kept to be looked at",
}
"""Meanings by term."""


def meaning(*terms: str) -> str:
    """The meanings of some terms as Markdown, a paragraph each.

    Raises:
        KeyError: the glossary lacks a term.
    """
    return "\n\n".join(f"**{term[0].upper()}{term[1:]}**: {TERMS[term]}." for term in terms)


def measure_meaning(measure: str) -> str:
    """What a measure such as `nDCG@10` says; of one that the glossary lacks, what a measure is."""
    name, _, cutoff = measure.partition("@")
    if name not in TERMS:
        return meaning("measure")
    cut = f" It looks at the first {cutoff} documents of a list." if cutoff.isdecimal() else ""
    return f"**{measure}**: {TERMS[name]}.{cut}"
