"""The ranking policy in plain words, by version, in Markdown; it is shown next to scores."""

from __future__ import annotations

POLICIES = {
    1: """
The arithmetic is trec_eval's, through ir-measures. These rules are ours, and the same for every variant:

- **Order.** Best score first; documents with equal scores stand by id, descending, as in trec_eval.
- **Relevant** is a grade of 1 or more; a higher grade gains more. A document that nobody judged is not relevant.
- **The ideal** that nDCG compares with has all judged documents, also those that were not found.
- **Nothing found** for a judged query: 0.
- **A query that failed** has no score. It is counted and listed, and never taken for a 0.
- **A query without any relevant document** has no score. It is counted.
- **Means** are taken over the queries that all variants completed, so that they can be compared.
- **Judged@10** is the share of the first ten documents that somebody judged. Where it is low, scores may be too.
"""
}
