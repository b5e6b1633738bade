"""What encoders of each kind give: it is checked before it is stored, and read as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from evaluator.domain.experiment import EncoderKind
from evaluator.errors import EncodingError
from evaluator.retrieval.encoders.encoded import check_encoded, read_encoded, suffix, write_encoded
from evaluator.retrieval.encoders.protocol import Role
from evaluator.retrieval.texts.encoder_texts import document_texts
from evaluator.retrieval.vectors.encoding import encode_shard, plan_encoding, vector_folder
from tests.unit.retrieval.conftest import MakeDataset
from tests.unit.retrieval.fake_encoder import hash_spec

ONES = np.ones((2, 3), np.float32)
BROKEN = np.array([[1, 0, 2], [0, np.nan, 1]], np.float32)


def test_each_kind_is_read_as_it_was_written(tmp_path: Path) -> None:
    kinds: dict[EncoderKind, Any] = {
        "transformer": BROKEN[:1],
        "sparse": csr_array(BROKEN[:1]),
        "late": [ONES, ONES[:0], ONES[:1]],
    }
    for kind, encoded in kinds.items():
        path = tmp_path / f"{kind}{suffix(kind)}"
        write_encoded(kind, encoded, path)
        found = read_encoded(kind, path)
        if kind == "late":
            assert [part.tolist() for part in found] == [part.tolist() for part in encoded]
        else:
            assert (found != encoded).sum() == 0
            assert found.shape == encoded.shape


WRONG = [
    ("sparse", csr_array(ONES[:1]), r"gave \(1, 3\) for 2 texts"),
    ("sparse", ONES, r"gave \(2, 3\) for 2 texts"),  # not sparse
    ("sparse", csr_array(BROKEN), "weight that is not finite for the text 'two'"),
    ("late", [ONES], "gave token vectors of 1 texts for 2"),
    ("late", [ONES, ONES[0]], r"gave \(3,\) as token vectors of the text 'two'"),
    ("late", [ONES, ONES[:, :2]], r"gave \(2, 2\) as token vectors of the text 'two'"),
    ("late", [ONES, BROKEN], "token vector that is not finite for 'two'"),
    ("static", BROKEN, "vector that is not finite for the text 'two'"),
]


@pytest.mark.parametrize(("kind", "encoded", "message"), WRONG)
def test_what_is_wrong_is_refused(kind: EncoderKind, encoded: Any, message: str) -> None:
    with pytest.raises(EncodingError, match=message):
        check_encoded(kind, encoded, ["one", "two"], "model")


@pytest.mark.parametrize(("kind", "encoded"), [(kind, encoded) for kind, encoded, _ in WRONG])
def test_what_is_wrong_is_not_stored(make_dataset: MakeDataset, kind: EncoderKind, encoded: Any) -> None:
    class Broken:
        def encode(self, texts: object, role: Role) -> Any:
            return encoded

    dataset, spec = make_dataset(["one", "two"]), hash_spec(kind=kind)
    shard = plan_encoding(spec, document_texts(dataset), dataset.store).missing[0]
    with pytest.raises(EncodingError):
        encode_shard(spec, "document", shard, Broken(), dataset.store)
    names = dataset.store.names(vector_folder(spec, "document"))
    assert [name for name in names if not name.endswith(".parquet")] == []
