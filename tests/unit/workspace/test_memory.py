"""What is kept in memory: the last results, as many or as many bytes as their kind allows."""

from __future__ import annotations

from evaluator.workspace.memory import Kind, Memory

FEW = Kind("few", 2)
LETTERS = Kind("letters", 10, len)


def test_the_last_used_stay() -> None:
    memory, made = Memory(), list[str]()

    def ask(key: str) -> None:
        memory.get(FEW, key, lambda: made.append(key))

    for key in ("a", "b", "a", "c", "a", "b"):  # c takes the place of b, and b that of c
        ask(key)
    assert made == ["a", "b", "c", "b"]


def test_large_results_take_more_room_and_the_last_always_has_some() -> None:
    memory = Memory()

    def is_kept(key: str) -> bool:
        return memory.get(LETTERS, key, lambda: "") != ""

    for key, size in {"a": 4, "b": 4, "c": 4, "huge": 100}.items():
        memory.get(LETTERS, key, lambda size=size: "x" * size)  # type: ignore[misc]
        if key == "c":
            assert [is_kept(key) for key in "bc"] == [True, True]
    assert is_kept("huge")
    assert not is_kept("c")
