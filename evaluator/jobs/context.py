"""What a worker process keeps between jobs: the store, loaded encoders, open indexes and datasets."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.experiment import EncoderSpec, ExperimentSpec, ModelStage
from evaluator.domain.variant import LanguageModel
from evaluator.jobs.limits import RedisGate
from evaluator.retrieval.encoders.loading import load_model
from evaluator.retrieval.encoders.opening import Runtime
from evaluator.retrieval.pipeline import Part
from evaluator.retrieval.search.indexes import Sources
from evaluator.retrieval.search.queries import Load
from evaluator.settings import Settings

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

WARM_DATASETS = 4
"""Datasets of which a worker keeps the manifest, what it read of the files, the documents' texts and their rows."""
WARM_SPECS = 32
"""Experiments of which a worker keeps the spec."""


class Warm(Generic[K, V]):
    """A bounded cache; what was least recently used goes first."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value kept under a key, or a new one."""
        if key not in self._kept:
            while len(self._kept) >= self._size:
                self._kept.popitem(last=False)  # make room first: two large models at once may not fit
            self._kept[key] = make()
        self._kept.move_to_end(key)
        return self._kept[key]


@dataclass
class WorkerContext:
    """The state of one worker process, handed to tasks by `current`."""

    settings: Settings
    store: ArtifactStore
    models: Warm[str, Any] = field(init=False)
    parts: Mapping[Part, Warm[str, Any]] = field(init=False)
    """What pipelines have opened. Each kind has its own bound, so that texts take no index's place."""
    manifests: Warm[str, DatasetManifest] = field(init=False)
    datasets: Warm[str, StoredDataset] = field(init=False)
    specs: Warm[str, ExperimentSpec] = field(init=False)

    def __post_init__(self) -> None:
        self.models = Warm(self.settings.warm_encoders)
        self.parts = {
            "index": Warm(self.settings.warm_indexes),
            "texts": Warm(WARM_DATASETS),
            "rows": Warm(WARM_DATASETS),
        }
        self.manifests = Warm(WARM_DATASETS)
        self.datasets = Warm(WARM_DATASETS)
        self.specs = Warm(WARM_SPECS)

    @classmethod
    def open(cls, settings: Settings) -> WorkerContext:
        """A context over the configured artifact store."""
        return cls(settings, ArtifactStore(settings.artifacts_url, settings.home_path / "cache"))

    @property
    def runtime(self) -> Runtime:
        """How models run here."""
        return Runtime(self.settings.device, self.settings.trust_remote_code, self.settings.model_limit)

    def keep(self, part: Part, key: str, open_part: Callable[[], V], /) -> V:
        """A part of a pipeline that was opened before, or a new one; see `retrieval.pipeline.Keep`."""
        kept: V = self.parts[part].get(key, open_part)
        return kept

    def spec(self, experiment: str) -> ExperimentSpec:
        """An experiment's spec."""
        return self.specs.get(
            experiment, lambda: ExperimentSpec.from_json(self.store.read_json(spec_name(experiment)))
        )

    def dataset(self, fingerprint: str) -> StoredDataset:
        """A stored dataset, with what was read of it before from the same files.

        Raises:
            DatasetDamagedError: a file of it is damaged.
        """
        manifest = self.manifests.get(
            fingerprint, lambda: StoredDataset.open(self.store, fingerprint).manifest
        )
        dataset = StoredDataset(self.store, manifest)
        return self.datasets.get(dataset.files, lambda: dataset)

    def sources(self, experiment: str) -> Sources:
        """Where an experiment's artifacts come from."""
        spec = self.spec(experiment)
        return Sources(spec, self.dataset(spec.dataset), self.store)

    def model(self, spec: EncoderSpec, gate: RedisGate) -> Any:
        """A loaded encoder, or for the kind `cross` a loaded `PairScorer`.

        Args:
            gate: of the experiment that asks. What is kept warm is a loaded model; an endpoint is none, and is asked
                on behalf of one experiment.
        """
        if spec.endpoint is None:
            return self.models.get(spec.fingerprint, lambda: load_model(spec, self.store, self.runtime))
        from evaluator.retrieval.encoders.endpoint import EndpointEncoder  # noqa: PLC0415  imports httpx

        return EndpointEncoder(replace(spec, endpoint=gate.current(spec.endpoint)), gate)

    def load(self, spec: ExperimentSpec, gate: RedisGate) -> Load:
        """What gives the models of an experiment's stages."""

        def load(stage: ModelStage | LanguageModel) -> Any:
            if not isinstance(stage, LanguageModel):
                return self.model(spec.encoder(stage), gate)
            from evaluator.retrieval.endpoints.chat import ChatModel  # noqa: PLC0415  imports httpx

            return ChatModel(gate.current(spec.endpoints[stage.endpoint]), gate)

        return load


def spec_name(experiment: str) -> str:
    """The artifact of an experiment's spec."""
    return f"experiments/{experiment}.json"


_current: WorkerContext | None = None


def enter(context: WorkerContext) -> None:
    """Set this process's context; RQ calls tasks by name and passes them ids only."""
    global _current
    _current = context


def current() -> WorkerContext:
    """This process's context."""
    if _current is None:
        raise RuntimeError("this process is no worker")
    return _current
