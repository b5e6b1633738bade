"""Several datasets at once (`?experiments=<a>,<b>&measure=`): ranks on each, and an average where one makes sense."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from evaluator.analysis.several_datasets import Across, across, shared_measures
from evaluator.domain.printable import csv_text
from evaluator.domain.records import ExperimentRow
from evaluator.ui.shell.address import changed, joined, parted
from evaluator.ui.shell.choosers import choose_measure, choose_several, named_experiment
from evaluator.ui.shell.downloads import download
from evaluator.ui.shell.identity import keyed
from evaluator.ui.shell.links import LEADERBOARD, link
from evaluator.ui.shell.words import moment, plain
from evaluator.workspace.workspace import Workspace


def addressed_experiments(workspace: Workspace) -> list[ExperimentRow]:
    """The experiments that the address names, each once.

    Raises:
        UnknownNameError: there is none of a name; lists those there are.
    """
    rows = [named_experiment(workspace, name) for name in parted("experiments")]
    return list({row.id: row for row in rows}.values())


def show_across(workspace: Workspace, everything: Sequence[ExperimentRow]) -> None:
    """Draw the experiments that are chosen beside each other."""
    chosen = addressed_experiments(workspace)
    _choose_experiments(everything, chosen)
    if len(chosen) < 2:
        st.info("Choose two or more experiments, best over different datasets.", icon=":material/add_chart:")
        return
    shared = shared_measures(chosen)
    measure = st.query_params.get("measure", shared[0] if shared else None)
    comparison = across(workspace, chosen, measure)
    choose_measure(
        shared,
        comparison.measure,
        lambda name: {"view": "datasets", "experiments": _ids(chosen), "measure": name},
    )
    if comparison.reasons:
        st.warning(
            "No average is shown, because:\n"
            + "\n".join(f"- {plain(reason)}" for reason in comparison.reasons),
            icon=":material/function:",
        )
    _table(comparison)
    with st.container(horizontal=True, vertical_alignment="center"):
        for board in comparison.boards:
            link(
                LEADERBOARD,
                plain(board.experiment.dataset),
                ":material/leaderboard:",
                experiment=board.experiment.id,
                measure=comparison.measure,
            )


def _ids(rows: Sequence[ExperimentRow]) -> str:
    return joined(row.id for row in rows)


def _choose_experiments(everything: Sequence[ExperimentRow], chosen: Sequence[ExperimentRow]) -> None:
    known = {row.id: row for row in everything}

    def name(id_: str) -> str:
        row = known[id_]
        return f"{row.dataset} · {row.name} · {moment(row.started_at, st.context.timezone)}"

    choose_several(
        "Experiments",
        list(known),
        [row.id for row in chosen],
        "across",
        lambda ids: changed(experiments=joined(ids), measure=None),
        name,
    )


def _table(comparison: Across) -> None:
    number = st.column_config.NumberColumn
    titles = [_title(board.experiment, comparison) for board in comparison.boards]
    rows: dict[str, list[object]] = {"variant": [row.name for row in comparison.rows]}
    config: dict[str, ColumnConfig] = {"variant": st.column_config.TextColumn("Variant", pinned=True)}
    if not comparison.reasons:
        rows["average_rank"] = [row.average_rank for row in comparison.rows]
        rows["average_score"] = [row.average_score for row in comparison.rows]
        config["average_rank"] = number("Mean rank", format="%.2f", help="Over the datasets; 1 is best.")
        config["average_score"] = number(
            f"Mean {comparison.measure}",
            format="%.4f",
            help="Every dataset counts the same, however many queries it has.",
        )
    for place, title in enumerate(titles):
        rows[f"rank_{place}"] = [row.ranks[place] for row in comparison.rows]
        rows[f"score_{place}"] = [row.scores[place] for row in comparison.rows]
        rows[f"tied_{place}"] = ["= best" if row.tied[place] else "" for row in comparison.rows]
        config[f"rank_{place}"] = number(
            f"{title}: rank", format="%.1f", help="1 is best; equal scores share ranks."
        )
        config[f"score_{place}"] = number(f"{title}: {comparison.measure}", format="%.4f")
        config[f"tied_{place}"] = st.column_config.TextColumn(f"{title}: tie")
    table = pd.DataFrame(rows)
    st.dataframe(
        table,
        hide_index=True,
        placeholder="",
        column_config=config,
        key=keyed("across-table", [board.experiment.id for board in comparison.boards], comparison.measure),
        alt=f"Variants over {len(comparison.boards)} datasets",
    )
    columns = {"average_rank": "average rank", "average_score": f"average {comparison.measure}"}
    for place, title in enumerate(titles):
        columns |= {f"{kind}_{place}": f"{title} {kind}" for kind in ("rank", "score", "tied")}
    download(
        csv_text(
            [columns.get(name, name) for name in table.columns], table.astype(object).to_numpy().tolist()
        ),
        "datasets",
        comparison.measure,
        help_="Download this table",
    )


def _title(experiment: ExperimentRow, comparison: Across) -> str:
    """The dataset's name; with the experiment's where two are over one dataset."""
    datasets = [board.experiment.dataset for board in comparison.boards]
    alone = datasets.count(experiment.dataset) == 1
    return experiment.dataset if alone else f"{experiment.dataset} ({experiment.name})"
