"""Which program is next: slots keep to their tasks, spread over the others, forget none."""

from __future__ import annotations

from opencodeeval.execution.pending import PATIENCE, Pending


def waiting(slots: int, **programs: int) -> Pending[str]:
    pending: Pending[str] = Pending(slots)
    for task, count in programs.items():
        for number in range(count):
            pending.put(task, f"{task}{number}")
    return pending


def test_a_slot_goes_on_with_the_task_of_its_judge() -> None:
    pending = waiting(1, a=2, b=2)
    assert [pending.take(0, "b") for _ in range(4)] == ["b0", "b1", "a0", "a1"]
    assert not pending


def test_slots_spread_over_the_tasks() -> None:
    pending = waiting(3, a=20, b=20, c=20)
    assert [pending.take(slot, "") for slot in range(3)] == ["a0", "b0", "c0"]


def test_a_task_with_many_more_programs_gets_several_slots() -> None:
    pending = waiting(4, a=90, b=30)
    assert [pending.take(slot, "")[0] for slot in range(4)] == ["a", "a", "b", "a"]


def test_a_slot_that_leaves_a_task_no_longer_counts_for_it() -> None:
    pending = waiting(2, a=1, b=10)
    assert pending.take(0, "") == "b0"
    assert pending.take(1, "") == "b1"
    pending.put("c", "c0")
    for _ in range(8):
        pending.take(0, "b")
    # Slot 0 has done all of b: what comes of it now is as much as of the others.
    pending.put("b", "b10")
    assert [pending.take(1, "") for _ in range(3)] == ["a0", "c0", "b10"]


def test_no_program_waits_for_ever_where_others_keep_coming() -> None:
    pending = waiting(1, a=1)
    taken = 0
    for number in range(2 * PATIENCE):
        pending.put("b", f"b{number}")
        taken += 1
        if pending.take(0, "b") == "a0":
            break
    assert taken == PATIENCE + 1


def test_of_equal_tasks_the_one_that_has_waited_longest_is_next() -> None:
    pending = waiting(2, c=1, a=1, b=1)
    assert [pending.take(0, "") for _ in range(3)] == ["c0", "a0", "b0"]
