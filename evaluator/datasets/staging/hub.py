"""Fetches datasets by their id over the network: from the Hugging Face hub, and those that ir_datasets knows.

Both libraries come with the extra `hub`. Neither runs code that comes with a dataset.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from evaluator.errors import DatasetError

HUGGING_FACE, IR_DATASETS = "hf:", "ir_datasets:"

REFERENCE = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(?:/(?P<config>[^@\s]+))?(?:@(?P<revision>\S+))?")
"""The part of a reference after `hf:`."""

IR_DATASETS_ID = re.compile(r"[\w.-]+(?:/[\w.-]+)*")
PARTS = ("corpus", "queries")
"""Configurations of a retrieval dataset on the hub, besides those of its judgments."""

TIMEOUT = 5.0
"""Seconds within which a hub must accept a connection, and within which it must answer."""

INSTALL = "install it with `pip install retrieval-evaluator[hub]`"


class HubReference(NamedTuple):
    """A dataset on the Hugging Face hub."""

    name: str
    config: str | None = None
    revision: str | None = None


def fetch(reference: str, folder: Path) -> None:
    """Write a dataset's parts into a folder, as files that `recognise` understands.

    Args:
        reference: `hf:org/name[/config][@revision]` or `ir_datasets:id`.
        folder: where the files are written; it exists.

    Raises:
        DatasetError: the reference has another form, its library is not installed, or the dataset cannot be
            fetched.
    """
    if reference.startswith(HUGGING_FACE):
        match = REFERENCE.fullmatch(reference.removeprefix(HUGGING_FACE))
        if match and ".." not in match["name"]:
            with _explained(reference):
                _require_known(HubReference(**match.groupdict()))
                write_hugging_face(HubReference(**match.groupdict()), folder)
            return
    elif reference.startswith(IR_DATASETS):
        dataset_id = reference.removeprefix(IR_DATASETS)
        if IR_DATASETS_ID.fullmatch(dataset_id):
            with _explained(reference), _temporary_home():
                write_ir_datasets(dataset_id, folder)
            return
    raise DatasetError(
        f"{reference!r} names no dataset; write hf:org/name, hf:org/name/config@revision, or ir_datasets:id"
    )


def write_hugging_face(reference: HubReference, folder: Path) -> None:
    """Write every split of the named configuration, or of all configurations, as `config/split.parquet`.

    Raises:
        DatasetError: the dataset has several configurations that are not the parts of a retrieval dataset, or the
            name of a configuration leads out of the folder.
    """
    import datasets  # noqa: PLC0415  an extra, and slow to import

    configs = datasets.get_dataset_config_names(reference.name, revision=reference.revision)
    with tempfile.TemporaryDirectory(prefix="evaluator-hub-") as cache:
        for config in _chosen(reference, configs):
            if config == ".." or Path(config).name != config:  # the dataset's author chooses the name
                raise DatasetError(
                    f"hf:{reference.name} has the configuration {config!r}, which names no folder; name another one: "
                    f"hf:{reference.name}/config"
                )
            splits = datasets.load_dataset(
                reference.name, config, revision=reference.revision, cache_dir=cache
            )
            for split, rows in splits.items():
                path = folder / config / f"{split}.parquet"
                path.parent.mkdir(exist_ok=True)
                rows.to_parquet(str(path))


def _require_known(reference: HubReference) -> None:
    """Ask the hub once whether it has a dataset, because its library retries many times if the hub does not answer.

    Raises:
        OSError, ValueError, httpx.HTTPError: the hub does not have the dataset, or does not answer.
    """
    from huggingface_hub import HfApi, constants  # noqa: PLC0415  comes with the extra

    # Otherwise the library asks the hub for a list of coding agents first, and reports which of them it finds here.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    if not constants.HF_HUB_OFFLINE:
        HfApi().dataset_info(reference.name, revision=reference.revision, timeout=TIMEOUT)


def _chosen(reference: HubReference, configs: list[str]) -> list[str]:
    """The configurations to load.

    Raises:
        DatasetError: there are several, and they are not the parts of a retrieval dataset.
    """
    if reference.config:
        return [reference.config]
    if len(configs) > 1 and not set(PARTS) <= set(configs):
        listed = ", ".join(configs[:20])
        raise DatasetError(
            f"hf:{reference.name} has the configurations {listed}; name one: hf:{reference.name}/{configs[0]}"
        )
    return configs


def write_ir_datasets(dataset_id: str, folder: Path) -> None:
    """Write a dataset in BEIR's format.

    Raises:
        DatasetError: the dataset has no documents, or no queries.
    """
    import ir_datasets  # noqa: PLC0415  an extra, and slow to import

    dataset = ir_datasets.load(dataset_id)
    for part in ("docs", "queries"):
        if not getattr(dataset, f"has_{part}")():
            raise DatasetError(
                f"ir_datasets:{dataset_id} has no {part}; name one of its subsets, such as {dataset_id}/test"
            )
    _write_objects(folder / "corpus.jsonl", map(_document, dataset.docs_iter()))
    _write_objects(
        folder / "queries.jsonl",
        ({"_id": query.query_id, "text": query.default_text()} for query in dataset.queries_iter()),
    )
    if dataset.has_qrels():
        (folder / "qrels").mkdir()
        with (folder / "qrels" / "test.tsv").open("w", encoding="utf-8") as file:
            for judgment in dataset.qrels_iter():
                file.write(f"{judgment.query_id}\t{judgment.doc_id}\t{judgment.relevance}\n")


def _document(document: Any) -> Mapping[str, str]:
    """A document as a BEIR object, with a separate title if it has one."""
    title, text = getattr(document, "title", None), getattr(document, "text", None)
    if isinstance(title, str) and isinstance(text, str):
        return {"_id": document.doc_id, "title": title, "text": text}
    return {"_id": document.doc_id, "title": "", "text": document.default_text()}


def _write_objects(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@contextmanager
def _temporary_home() -> Iterator[None]:
    """Keep the downloads of ir_datasets, which can be many gigabytes, only while they are read."""
    with tempfile.TemporaryDirectory(prefix="evaluator-ir-datasets-") as home:
        previous = os.environ.get("IR_DATASETS_HOME")
        os.environ["IR_DATASETS_HOME"] = previous or home
        try:
            yield
        finally:
            if previous is None:
                del os.environ["IR_DATASETS_HOME"]


@contextmanager
def _explained(reference: str) -> Iterator[None]:
    """Turn any error of a library into one message with a remedy.

    Raises:
        DatasetError: the library is not installed, or could not fetch the dataset.
    """
    try:
        yield
    except DatasetError:
        raise
    except ImportError as error:
        raise DatasetError(f"{reference} needs a library that is not here ({error}); {INSTALL}") from error
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), "no reason given")[:300]
        raise DatasetError(
            f"{reference} cannot be fetched ({type(error).__name__}: {reason}); "
            "check the id and the network, or download it and upload its files"
        ) from error
