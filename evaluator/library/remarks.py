"""What a reader of scores should know about what was searched: words that BM25 finds, and imported runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from evaluator.datasets.runs import CONSEQUENCES
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.variant import Run
from evaluator.errors import DatasetDamagedError, UnknownNameError
from evaluator.library import catalog
from evaluator.library.word_use import word_remarks
from evaluator.workspace.workspace import Workspace


def remarks(workspace: Workspace, spec: ExperimentSpec) -> tuple[str, ...]:
    """Sentences on an experiment's words and runs; none if the dataset can no longer be read."""
    return (*word_remarks(workspace, spec), *_run_remarks(workspace, spec), *_prompt_remarks(spec))


def _run_remarks(workspace: Workspace, spec: ExperimentSpec) -> Iterator[str]:
    """What was odd about the runs that variants use, when they were imported."""
    leaves = [leaf for variant in spec.variants for leaf in variant.retrieve.leaves()]
    names = {leaf.name for leaf in leaves if isinstance(leaf, Run)}
    if not names:
        return
    with suppress(UnknownNameError, DatasetDamagedError):
        for note in catalog.stored(workspace, spec.dataset).manifest.notes:
            if note.code in CONSEQUENCES and any(note.message.startswith(f"run {name}: ") for name in names):
                yield f"{note.message[0].upper()}{note.message[1:]}: {CONSEQUENCES[note.code]}."


def _prompt_remarks(spec: ExperimentSpec) -> Iterator[str]:
    """Which models have prompts that are used for nothing."""
    for encoder in spec.encoders.values():
        if encoder.unused_prompts:
            names = ", ".join(encoder.unused_prompts)
            yield (
                f"{encoder.name} has prompts that are not used ({names}): none is called query or document; say those "
                "to use as query_prompt and document_prompt."
            )
