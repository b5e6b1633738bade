"""Translates names of measures in other tools to ir-measures' notation."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

import ir_measures

EVERYDAY = {
    "accuracy": "Success", "acc": "Success", "hit": "Success", "hits": "Success", "hitrate": "Success",
    "hitratio": "Success", "hr": "Success", "topk": "Success",
    "reciprocalrank": "RR", "meanreciprocalrank": "RR", "reciprank": "RR",
    "averageprecision": "AP", "meanaverageprecision": "AP",
    "prec": "P", "rec": "R", "recallat": "R", "precisionat": "P",
    "dcg": "nDCG", "cg": "nDCG", "normalizeddiscountedcumulativegain": "nDCG",
    "f": "SetF", "f1": "SetF", "fscore": "SetF", "f1score": "SetF", "fmeasure": "SetF",
    "expectedreciprocalrank": "ERR", "rprecision": "Rprec",
}  # fmt: skip
"""Names in ir-measures' notation, by the names that people and other tools write, without case and punctuation."""

SPELLING = re.compile(
    r"(?P<name>[^\W\d_][\w -]*?)(?P<parameters>\(.*\))?(?:[ _-]*(?:@|_|at )[ ]*(?P<cutoff>\d+))?"
)
"""`hit_rate@10`, `ndcg_cut_10`, `recall_at_5` or `AP(rel=2)`."""
ENDINGS = ("cut", "at")
"""Endings of names before the cutoff, as in `ndcg_cut_10` and `recall_at_10`."""
USUAL_CUTOFF = "10"


def meant(notation: str, computable: Callable[[str], bool]) -> str | None:
    """The measure that a person probably means, with the cutoff that the person wrote; None if there is no guess.

    Args:
        notation: what the person wrote.
        computable: whether a notation is that of a measure that can be computed.
    """
    match = SPELLING.fullmatch(notation.strip())
    name = None if match is None else _measure_name(match["name"])
    if match is None or name is None:
        return None
    parameters, cutoff = match["parameters"] or "", match["cutoff"]
    suffix = f"@{cutoff}" if cutoff else ""
    guesses = (
        name + parameters + suffix,
        name + suffix,
        f"{name}{parameters}@{cutoff or USUAL_CUTOFF}",
        name,
    )
    return next((guess for guess in guesses if guess != notation and computable(guess)), None)


def _measure_name(spelling: str) -> str | None:
    """The name of the measure with this or a similar spelling; None if there is none."""
    names: dict[str, str] = {
        _bare(alias): measure.NAME for alias, measure in ir_measures.measures.registry.items()
    }
    names = {**names, **EVERYDAY}
    bare = _bare(spelling)
    for ending in ("", *ENDINGS):
        if bare.endswith(ending) and (stem := bare.removesuffix(ending)) in names:
            return names[stem]
    close = difflib.get_close_matches(bare, names, n=1)
    return names[close[0]] if close else None


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()
