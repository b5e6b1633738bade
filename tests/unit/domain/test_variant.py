"""Variants: what a pipeline is, which of its changes count, and how fusions find what they fuse."""

from __future__ import annotations

import json

import pytest

from evaluator.domain.pipelines.resolving import MAX_STAGES, resolve_names, resolve_runs
from evaluator.domain.variant import (
    BM25,
    Dense,
    Fuse,
    Retrieve,
    Run,
    Variant,
)

WORDS = Retrieve(bm25=BM25())
VECTORS = Retrieve(dense=Dense("minilm"))


def fusion(*parts: str | Retrieve) -> Retrieve:
    return Retrieve(fuse=Fuse(of=parts))


def test_a_pipeline_has_exactly_one_stage() -> None:
    assert WORDS.stage == BM25()
    assert VECTORS.stage == Dense("minilm")
    assert fusion("a", "b").stage == Fuse(of=("a", "b"))
    with pytest.raises(ValueError, match=r"exactly one of bm25, dense, .*, fuse is needed, and here is none"):
        Retrieve()
    with pytest.raises(ValueError, match="and here is bm25 and dense"):
        Retrieve(bm25=BM25(), dense=Dense("minilm"))


def test_the_fingerprint_is_of_the_pipeline_and_not_of_the_name() -> None:
    assert Variant("a", WORDS).fingerprint == Variant("b", WORDS).fingerprint
    assert Variant("a", WORDS).fingerprint != Variant("a", VECTORS).fingerprint
    assert Variant("a", WORDS).fingerprint != Variant("a", Retrieve(bm25=BM25(k1=1.2))).fingerprint


def test_stages_that_are_not_set_leave_no_trace() -> None:
    assert json.loads(Variant("a", VECTORS).pipeline_json) == {
        "retrieve": {"dense": {"encoder": "minilm", "precision": "float32"}}
    }


def test_fingerprints_of_stored_results_stay_what_they_are() -> None:
    """A change here means that every result stored so far belongs to a pipeline nobody can ask for any more."""
    assert Variant("a", WORDS).fingerprint == "25f9844e4501ebfd"
    assert Variant("a", fusion(WORDS, VECTORS)).fingerprint == "87ee8e95ee43b33c"


@pytest.mark.parametrize("name", ["bm25", "MiniLM bf16", "a.b_c-d+e", "2024", "-x", "x."])
def test_names_that_are_safe_file_names_are_accepted(name: str) -> None:
    assert Variant(name, WORDS).name == name


@pytest.mark.parametrize(
    "name", ["a/b", "..", ".hidden", "a\\b", "a\nb", "a\n", "C:x", " a", "a ", "größe", "a\0"]
)
def test_names_that_are_not_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a variant"):
        Variant(name, WORDS)


def test_names_in_fusions_become_the_pipelines_they_name() -> None:
    variants = (
        Variant("hybrid", fusion("words", "vectors")),
        Variant("words", WORDS),
        Variant("vectors", VECTORS),
    )
    resolved = resolve_names(variants)
    assert resolved == (Variant("hybrid", fusion(WORDS, VECTORS)), *variants[1:])
    assert resolve_names(resolved) == resolved


def test_fusions_of_fusions_resolve_too_wherever_the_name_stands() -> None:
    variants = (
        Variant("outer", fusion("inner", fusion("words", VECTORS))),
        Variant("inner", fusion("words", "vectors")),
        Variant("words", WORDS),
        Variant("vectors", VECTORS),
    )
    outer = resolve_names(variants)[0].retrieve
    assert outer == fusion(fusion(WORDS, VECTORS), fusion(WORDS, VECTORS))
    assert list(outer.leaves()) == [BM25(), Dense("minilm"), BM25(), Dense("minilm")]


def test_resolving_a_name_gives_the_fingerprint_of_writing_it_out() -> None:
    by_name = (Variant("hybrid", fusion("words", VECTORS)), Variant("words", WORDS))
    assert resolve_names(by_name)[0].fingerprint == Variant("x", fusion(WORDS, VECTORS)).fingerprint


def test_runs_are_found_by_name_wherever_they_stand() -> None:
    theirs = Retrieve(run=Run("theirs", "what they say does not count"))
    with_ids = resolve_runs(Variant("x", fusion(theirs, VECTORS)), {"theirs": "f00d"})
    assert list(with_ids.retrieve.leaves()) == [Run("theirs", "f00d"), Dense("minilm")]
    with pytest.raises(ValueError, match="'x' takes the run 'theirs'; the dataset has: ours"):
        resolve_runs(Variant("x", theirs), {"ours": "f00d"})


def test_leaves_of_an_unresolved_name_are_an_error() -> None:
    with pytest.raises(ValueError, match="'words' is not resolved"):
        list(fusion("words", VECTORS).leaves())


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ([Variant("a", WORDS), Variant("a", VECTORS)], "used more than once: a"),
        (
            [Variant("a", WORDS), Variant("f", fusion("a", "b"))],
            "'f' fuses 'b', but no variant has that name",
        ),
        ([Variant("f", fusion("f", WORDS))], "leads back to itself: f > f"),
        ([Variant("f", fusion("g", WORDS)), Variant("g", fusion("f", WORDS))], "itself: f > g > f"),
        ([Variant("f", fusion(fusion("f", WORDS), WORDS))], "leads back to itself: f > f"),
    ],
)
def test_names_that_cannot_be_resolved(variants: list[Variant], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve_names(tuple(variants))


def test_a_pipeline_that_doubles_with_every_name_is_refused_before_it_is_built() -> None:
    doubling = [Variant(f"v{n}", fusion(f"v{n - 1}", f"v{n - 1}")) for n in range(1, 60)]
    with pytest.raises(ValueError, match=f"more than {MAX_STAGES} retrievers and fusions"):
        resolve_names((*doubling, Variant("v0", WORDS)))
