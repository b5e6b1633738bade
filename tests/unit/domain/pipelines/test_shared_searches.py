"""Which searches an experiment needs more than once."""

from __future__ import annotations

from evaluator.domain.pipelines.shared_searches import SharedSearches
from evaluator.domain.variant import BM25, MMR, Dense, Fuse, Rerank, Retrieve, Variant

WORDS = Retrieve(bm25=BM25())
VECTORS = Retrieve(dense=Dense("e5"))
BOTH = Retrieve(fuse=Fuse(of=(WORDS, VECTORS), depth=30))
DIVERSE = Rerank(mmr=MMR("e5"), depth=20)


def found(*variants: Variant) -> dict[tuple[Retrieve, int], tuple[str, ...]]:
    return {(s.retrieve, s.depth): s.variants for s in SharedSearches(variants, depth=10).all}


def test_a_search_of_a_single_variant_is_not_shared() -> None:
    assert found(Variant("bm25", WORDS), Variant("dense", VECTORS)) == {}


def test_variants_that_rerank_the_same_retriever_share_a_search_of_the_largest_depth() -> None:
    variants = (
        Variant("plain", WORDS),  # takes 10, as deep as its own lists
        Variant("diverse", WORDS, (DIVERSE,)),  # takes 20
        Variant("deeper", WORDS, (Rerank(mmr=MMR("e5"), depth=50),)),
    )
    assert found(*variants) == {(WORDS, 50): ("plain", "diverse", "deeper")}


def test_a_part_of_a_fusion_is_shared_with_the_variant_that_is_nothing_else() -> None:
    assert found(Variant("bm25", WORDS), Variant("both", BOTH)) == {(WORDS, 30): ("bm25", "both")}


def test_parts_of_a_fusion_that_is_shared_itself_have_one_user() -> None:
    variants = Variant("both", BOTH), Variant("diverse", BOTH, (DIVERSE,))
    assert found(*variants) == {(BOTH, 20): ("both", "diverse")}


def test_a_fusion_may_use_one_retriever_twice() -> None:
    twice = Retrieve(fuse=Fuse(of=(WORDS, VECTORS, WORDS), depth=30))
    assert found(Variant("twice", twice)) == {(WORDS, 30): ("twice",)}


def test_lists_that_depend_on_their_depth_are_shared_only_at_the_same_depth() -> None:
    coarse = Retrieve(dense=Dense("e5", quantize="binary", rescore=4))
    plain, diverse = Variant("plain", coarse), Variant("diverse", coarse, (DIVERSE,))
    assert found(plain, diverse) == {}
    assert found(plain, diverse, Variant("as deep", coarse, (Rerank(mmr=MMR("e5", relevance=0.7), depth=20),))) == {
        (coarse, 20): ("diverse", "as deep")
    }  # fmt: skip


def test_a_search_begins_with_what_it_takes_lists_from() -> None:
    shared = SharedSearches((Variant("bm25", WORDS), Variant("both", BOTH), Variant("again", BOTH)), depth=10)
    both, words = shared.of(BOTH, 10), shared.of(WORDS, 10)
    assert both is not None
    assert words is not None
    assert shared.within(BOTH, 10) == (both,)
    assert shared.parts(BOTH) == (words,)
    assert shared.parts(WORDS) == ()
    assert both.key != words.key
