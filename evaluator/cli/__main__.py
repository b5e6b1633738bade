"""`python -m evaluator.cli`."""

from __future__ import annotations

from evaluator.cli.main import main

main()
