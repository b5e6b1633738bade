"""Names of measures in other tools, and in ir-measures' notation."""

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
"""Of names, before the cutoff: `ndcg_cut_10`, `recall_at_10`."""
USUAL_CUTOFF = "10"


def meant(notation: str, computable: Callable[[str], bool]) -> str | None:
    """The measure that somebody probably means, with the cutoff that they wrote.

    Args:
        computable: whether a notation is that of a measure that can be computed.
    """
    spelt = SPELLING.fullmatch(notation.strip())
    name = None if spelt is None else _known(spelt["name"])
    if spelt is None or name is None:
        return None
    parameters, cutoff = spelt["parameters"] or "", spelt["cutoff"]
    given = f"@{cutoff}" if cutoff else ""
    tries = (name + parameters + given, name + given, f"{name}{parameters}@{cutoff or USUAL_CUTOFF}", name)
    return next((found for found in tries if found != notation and computable(found)), None)


def _known(written: str) -> str | None:
    """The name of a measure with this spelling, or nearly this one."""
    names: dict[str, str] = {
        _bare(alias): measure.NAME for alias, measure in ir_measures.measures.registry.items()
    }
    names = {**names, **EVERYDAY}
    bare = _bare(written)
    for ending in ("", *ENDINGS):
        if bare.endswith(ending) and (stem := bare.removesuffix(ending)) in names:
            return names[stem]
    close = difflib.get_close_matches(bare, names, n=1)
    return names[close[0]] if close else None


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()
