from __future__ import annotations

from evaluator.library.token_counters import token_counters


def test_the_bundled_model_counts_by_its_own_tokenizer() -> None:
    (counter,) = token_counters()
    assert (counter.name, counter.max_length) == ("sentence-transformers/all-MiniLM-L6-v2", 256)
    # "good" and "bread" are whole words of its vocabulary; [CLS] and [SEP] are put around a text.
    assert counter.count(["good bread", "", "bread " * 300]) == [4, 2, 302]
