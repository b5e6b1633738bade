"""Open a resolved model with sentence-transformers, which is imported with the first model."""

# ruff: noqa: PLC0415

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.errors import EncoderNotFoundError, EncodingError, EvaluatorError, InvalidInputError
from evaluator.retrieval.encoders.hub import CONFIGURATION, SilentHubError, known_commit, require_room
from evaluator.retrieval.encoders.resolve import local_folder
from evaluator.retrieval.encoders.saved_model import foreign_code
from evaluator.settings import Device

ModelClass = Literal["SentenceTransformer", "SparseEncoder", "MultiVectorEncoder", "CrossEncoder"]
"""The sentence-transformers class of a model."""


@dataclass(frozen=True)
class Runtime:
    """How models run on a machine, as its operator configures it.

    Attributes:
        device: `auto` is a CUDA device if there is one, else the processor.
        trusted: models that may run their own code: `organisation/model@commit`, or folders.
        model_limit: the most bytes of a downloaded model.
    """

    device: Device = "auto"
    trusted: tuple[str, ...] = ()
    model_limit: int = 20_000_000_000

    def trusts(self, spec: EncoderSpec) -> bool:
        """Whether the operator trusts exactly this model."""
        if spec.source == "hub":
            return spec.location in self.trusted
        return spec.location in {str(Path(name).expanduser().resolve()) for name in self.trusted}


AUTOMATIC = Runtime()
"""The default: any device, and no model may run its own code."""


def open_model(spec: EncoderSpec, store: ArtifactStore, runtime: Runtime, model_class: ModelClass) -> Any:
    """Load a model with sentence-transformers, on its device and in its precision.

    Raises:
        EncoderNotFoundError, InvalidInputError, EncodingError: see `loading.load_model`.
    """
    import sentence_transformers
    import torch
    from httpx import HTTPError

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    load = getattr(sentence_transformers, model_class)
    device = runtime.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        if spec.source == "hub":
            name, _, revision = spec.location.partition("@")
            with _hub_or_downloaded(spec) as asked:
                if asked:
                    require_room(spec.name, name, revision, runtime.model_limit)
                trusted = _may_run_code(spec, _hub_configuration(name, revision), runtime)
                model = load(name, revision=revision, trust_remote_code=trusted, device=device)
        else:
            with saved_model(spec, store) as folder, offline():
                trusted = _may_run_code(spec, folder, runtime)
                model = load(str(folder), local_files_only=True, trust_remote_code=trusted, device=device)
        model = model.to(getattr(torch, spec.precision))  # weights load in the precision they were saved in
    except EvaluatorError:
        raise
    except (ConnectionError, TimeoutError, HTTPError) as error:  # the hub may answer next time
        raise EncodingError(f"the hub does not give the encoder {spec.name!r}: {error}") from error
    except Exception as error:  # a broken model may raise anything; trying again does not help
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise EncoderNotFoundError(f"the encoder {spec.name!r} cannot be loaded: {reason[0]}") from error
    _limit_length(model, spec)
    return model.eval()


@contextmanager
def _hub_or_downloaded(spec: EncoderSpec) -> Iterator[bool]:
    """Use only downloads within the block if the hub does not answer, because its library would ask again for minutes.

    Yields whether the hub answers.

    Raises:
        EncodingError: not all of the model was downloaded.
    """
    silence = _silence(spec)
    try:
        with nullcontext() if silence is None else offline():
            yield silence is None
    except OSError as error:  # all errors of the hub are
        if silence is None:
            raise
        raise EncodingError(f"the encoder {spec.name!r} was not downloaded whole, and {silence}") from error


def _silence(spec: EncoderSpec) -> SilentHubError | None:
    """Why the hub does not answer; None if it does."""
    try:
        known_commit(*spec.location.split("@"))
    except SilentHubError as silence:
        return silence
    except EncoderNotFoundError:  # no longer on the hub, but maybe on this machine
        pass
    return None


def _may_run_code(spec: EncoderSpec, folder: Path, runtime: Runtime) -> bool:
    """Whether a model needs its own code and may run it.

    Raises:
        InvalidInputError: it needs its own code and may not run it.
    """
    from transformers import CONFIG_MAPPING

    code = foreign_code(folder, frozenset(CONFIG_MAPPING))
    if code is None:
        return False
    if not runtime.trusts(spec):
        raise InvalidInputError(
            f"the model {spec.name!r} needs code of its own ({code}), which this machine's operator has not allowed; "
            f'read that code, then set EVALUATOR_TRUST_REMOTE_CODE to ["{spec.location}"], or choose another model'
        )
    return True


def _hub_configuration(name: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download

    fetch = partial(snapshot_download, name, revision=revision, allow_patterns=[CONFIGURATION])
    with suppress(OSError):  # the revision is a commit, so an existing file is the right one
        return Path(fetch(local_files_only=True))
    return Path(fetch())


def _limit_length(model: Any, spec: EncoderSpec) -> None:
    """Cut texts at the spec's number of tokens; a multi-vector model keeps its own limit for queries.

    Raises:
        InvalidInputError: the model has fewer positions, or the limit leaves no room for a text.
    """
    if spec.max_length is None:
        return
    config = getattr(model.transformers_model, "config", None)
    positions = getattr(config, "max_position_embeddings", None)
    if positions and 0 < positions < spec.max_length:
        raise InvalidInputError(
            f"{spec.name} reads {positions} tokens of a text at most, so max_length cannot be {spec.max_length}"
        )
    if spec.kind == "static":
        model[0].tokenizer.enable_truncation(spec.max_length)
        return
    around = model.tokenizer.num_special_tokens_to_add(pair=spec.kind == "cross")
    if spec.max_length <= around:  # the library would not cut at all
        raise InvalidInputError(
            f"{spec.name} puts {around} tokens of its own around a text, so with a max_length of {spec.max_length} it "
            f"would read nothing of it; give at least {around + 1}"
        )
    model.max_seq_length = spec.max_length
    if getattr(model[0], "document_length", None) is not None:
        model[0].document_length = spec.max_length


@contextmanager
def saved_model(spec: EncoderSpec, store: ArtifactStore) -> Iterator[Path]:
    """The folder of a model on this machine or in the store."""
    if spec.source != "distilled":
        yield local_folder(spec.location)
        return
    with tempfile.TemporaryDirectory(prefix="evaluator-model-") as folder:
        with tarfile.open(store.local_path(distilled_name(spec))) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


@contextmanager
def offline() -> Iterator[None]:
    """Send no request to the hub within the block, because everything needed is on this machine.

    The hub library's switch applies to the whole process, and its variable is read only once. It is restored, because
    the next encoder of a warm worker may come from the hub.
    """
    from huggingface_hub import constants  # loaded with the model

    offline_before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = offline_before


def distilled_name(spec: EncoderSpec) -> str:
    """The artifact of a distilled encoder."""
    return f"encoders/{spec.weights}.tar"
