"""The examples of docs/ci.md: the workflow is YAML, and its commands and the others are those of the command line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from evaluator.cli.main import app
from evaluator.experiments.file_reader import parse_experiment

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
EXPERIMENT, WORKFLOW = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
SHELL = re.findall(r"^```\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def steps() -> list[dict[str, Any]]:
    (job,) = yaml.safe_load(WORKFLOW)["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


COMMANDS = [
    line
    for text in (*SHELL, *(step.get("run", "") for step in steps()))
    for line in text.splitlines()
    if line.startswith("evaluator ")
]


def parse(line: str) -> dict[str, Any]:
    """The parameters that the command line takes from a line of a shell; raises if it does not take it."""
    words = shlex.split(line.partition(" > ")[0])
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        words = words[1:]
        command = command.commands[words[0]]
    parameters: dict[str, Any] = command.make_context(words[0], words[1:]).params
    return parameters


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_one_that_there_is(line: str) -> None:
    assert parse(line)


def test_a_wrong_command_would_be_noticed() -> None:
    assert len(COMMANDS) >= 7
    with pytest.raises(KeyError, match="gates"):
        parse("evaluator gates x")
    for wrong in ("evaluator gate x --baseline a --max-los 1", "evaluator gate x"):
        with pytest.raises(Exception, match=r"No such option|Missing option|Missing parameter"):
            parse(wrong)


def test_the_workflow_gates_pull_requests_with_a_token_from_a_secret() -> None:
    workflow = yaml.safe_load(WORKFLOW)
    assert workflow[True] == "pull_request"  # YAML 1.1 reads `on` as true
    (job,) = workflow["jobs"].values()
    assert job["env"]["EVALUATOR_TOKEN"] == "${{ secrets.EVALUATOR_TOKEN }}"
    (gate,) = (step["run"] for step in steps() if "evaluator gate" in step.get("run", ""))
    baseline = parse(gate)["baseline"]
    assert baseline in [variant.name for variant in parse_experiment(EXPERIMENT).all_variants]
