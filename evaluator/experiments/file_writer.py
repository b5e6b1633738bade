"""Experiments as readable YAML; `parse_experiment` reads the same experiment back."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from evaluator.domain.endpoint import Endpoint
from evaluator.domain.experiment import Experiment
from evaluator.domain.records import ExperimentRow
from evaluator.domain.variant import Rerank, Retrieve, Variant

WIDTH = 100
"""The approximate width of a line, in characters."""
LINE_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Line breaks that PyYAML loses unless they are escaped."""


def write_experiment(experiment: Experiment) -> str:
    """The experiment as a file. Defaults are written out, so that the file keeps its meaning if a default changes.

    A matrix is written as its variants. Parts of a fusion that are variants themselves are named.
    """
    variants = experiment.all_variants
    record: dict[str, Any] = {
        "name": experiment.name,
        "dataset": experiment.dataset,
        "measures": list(experiment.measures),
        "queries_per_job": experiment.queries_per_job,
    }
    if experiment.budget is not None:
        record["budget"] = _fields(experiment.budget)
    if experiment.endpoints:
        record["endpoints"] = [_fields(endpoint) for endpoint in experiment.endpoints]
    writer = _VariantWriter(variants, frozenset(endpoint.name for endpoint in experiment.endpoints))
    record["variants"] = [writer.variant(variant) for variant in variants]
    return _yaml(record)


def write_variant(variant: Variant) -> str:
    """A variant as in an experiment file, with its fusions written out."""
    return _yaml([_VariantWriter((), ()).variant(variant)])


def _yaml(record: object) -> str:
    text: str = yaml.dump(
        record, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=WIDTH
    )
    return text


def recorded_experiment(row: ExperimentRow) -> Experiment:
    """A recorded experiment in the form of an experiment file."""
    spec = row.spec
    endpoints: dict[str, Endpoint] = dict(spec.endpoints)
    for encoder in spec.encoders.values():
        if encoder.endpoint is not None:
            endpoints.setdefault(encoder.endpoint.name, encoder.endpoint)
    return Experiment(
        name=spec.name,
        dataset=row.dataset,
        variants=spec.variants,
        measures=spec.measures,
        queries_per_job=spec.queries_per_job,
        endpoints=tuple(endpoints.values()),
        budget=spec.budget,
    )


class _Dumper(yaml.SafeDumper):
    """Repeats equal values instead of writing anchors, which save a few bytes and confuse readers."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = '"' if LINE_BREAKS.search(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


@dataclass(frozen=True)
class _VariantWriter:
    """Variants as mappings and lists; a part of a fusion is named if a variant has the same pipeline."""

    variants: Sequence[Variant]
    endpoints: Collection[str]

    def variant(self, variant: Variant) -> dict[str, Any]:
        record: dict[str, Any] = {"name": variant.name, "retrieve": self._retrieve(variant.retrieve)}
        if variant.rerank is not None:
            record["rerank"] = [self._stage(stage) for stage in variant.rerank]
        return record

    def _retrieve(self, retrieve: Retrieve) -> dict[str, Any]:
        fuse = retrieve.fuse
        if fuse is None:
            return self._stage(retrieve)
        record = _fields(dataclasses.replace(fuse, of=(), weights=None))
        record["of"] = [part if isinstance(part, str) else self._part(part) for part in fuse.of]
        if fuse.weights is not None:
            record["weights"] = list(fuse.weights)
        return {"fuse": record}

    def _part(self, part: Retrieve) -> str | dict[str, Any]:
        variant_name = next((variant.name for variant in self.variants if variant.retrieve == part), None)
        return self._retrieve(part) if variant_name is None else variant_name

    def _stage(self, record: Retrieve | Rerank) -> dict[str, Any]:
        """A retriever or reranker; an endpoint chooses its own precision, so none is written.

        The first tokenizer is the one that is not stored, so it is named here.
        """
        stage = _fields(record)
        if "bm25" in stage:
            stage["bm25"].setdefault("tokenizer", "regex")
        for values in stage.values():
            if isinstance(values, dict) and values.get("encoder") in self.endpoints:
                values.pop("precision", None)
        return stage


def _fields(record: Any) -> dict[str, Any]:
    """A dataclass as mappings and lists, without fields that are None."""
    values: dict[str, Any] = _without_none(dataclasses.asdict(record))
    return values


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_none(part) for name, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [_without_none(part) for part in value]
    return value
