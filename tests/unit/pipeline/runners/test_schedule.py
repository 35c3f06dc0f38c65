"""The scheduler's bookkeeping, without processes: what may start, what waits for what, what is lost with a failure."""

import graphlib

from hypothesis import given
from hypothesis import strategies as st

from pipeline.runners.schedule import GIB, Budget, Expectation, Schedule

DIAMOND = {"A": (), "B": ("A",), "C": ("A",), "D": ("B", "C")}
PLENTY = Budget(workers=8, memory_bytes=64 * GIB)


def schedule(upstream, *, budget=PLENTY, expected=None, wanted=None):
    return Schedule(upstream, wanted or list(upstream), budget, expected or {})


def run(plan, *nodes):
    for node in nodes:
        plan.start(node)
        plan.end(node)


def test_a_node_starts_as_soon_as_its_inputs_exist():
    plan = schedule(DIAMOND)
    assert plan.startable() == ["A"]
    run(plan, "A")
    assert plan.startable() == ["B", "C"]
    run(plan, "B")
    assert plan.startable() == ["C"]
    run(plan, "C")
    assert plan.startable() == ["D"]
    run(plan, "D")
    assert plan.is_over


def test_no_more_nodes_run_at_once_than_there_are_workers():
    plan = schedule({"A": (), "B": (), "C": ()}, budget=Budget(2, 64 * GIB))
    assert plan.startable() == ["A", "B"]
    plan.start("A")
    plan.start("B")
    assert plan.startable() == []
    assert plan.waiting() == {"C": "waits for a free worker"}


def test_the_memory_budget_holds_back_what_does_not_fit_beside_the_others():
    expected = {"A": Expectation(3 * GIB), "B": Expectation(2 * GIB), "C": Expectation(GIB)}
    plan = schedule({"A": (), "B": (), "C": ()}, budget=Budget(8, 4 * GIB), expected=expected)
    assert plan.startable() == ["A", "C"]
    plan.start("A")
    plan.start("C")
    assert plan.waiting() == {"B": "waits for memory: needs 2.0 GiB, 0.0 GiB free"}
    plan.end("C")
    assert plan.waiting() == {"B": "waits for memory: needs 2.0 GiB, 1.0 GiB free"}


def test_a_node_larger_than_the_budget_runs_alone():
    plan = schedule({"A": ()}, budget=Budget(1, GIB), expected={"A": Expectation(9 * GIB)})
    assert plan.startable() == ["A"]


def test_the_longest_way_to_the_end_goes_first():
    upstream = {"short": (), "long": (), "after": ("long",)}
    expected = {"short": Expectation(wall_s=5), "long": Expectation(wall_s=2), "after": Expectation(wall_s=10)}
    assert schedule(upstream, budget=Budget(1, GIB), expected=expected).startable() == ["long"]


def test_a_failure_loses_only_what_depends_on_it():
    plan = schedule({"A": (), "B": ("A",), "C": ("B",), "X": (), "Y": ("X",)})
    plan.start("A")
    plan.start("X")
    assert plan.end("A", "failed") == {"B": "A failed", "C": "B did not run"}
    plan.end("X")
    assert plan.startable() == ["Y"]
    run(plan, "Y")
    assert plan.is_over


def test_nodes_that_are_not_wanted_count_as_there():
    assert schedule(DIAMOND, wanted=["D"]).startable() == ["D"]


def test_what_a_node_waits_for_is_named():
    plan = schedule(DIAMOND)
    assert plan.waiting()["D"] == "waits for B, C"


@given(st.data())
def test_any_graph_runs_in_order_within_its_budget_to_the_end(data):
    size = data.draw(st.integers(1, 12))
    upstream = {str(n): tuple(str(m) for m in range(n) if data.draw(st.booleans())) for n in range(size)}
    expected = {node: Expectation(data.draw(st.integers(1, 4)) * GIB) for node in upstream}
    budget = Budget(data.draw(st.integers(1, 3)), data.draw(st.integers(1, 6)) * GIB)
    fails = {node for node in upstream if data.draw(st.integers(0, 5)) == 0}
    plan, running, ended, lost = Schedule(upstream, list(upstream), budget, expected), [], [], set()
    while not plan.is_over:
        for node in plan.startable():
            assert set(upstream[node]) <= set(ended) - fails
            plan.start(node)
            running.append(node)
        assert len(running) <= budget.workers
        assert len(running) == 1 or sum(expected[node].memory_bytes for node in running) <= budget.memory_bytes
        node = running.pop(data.draw(st.integers(0, len(running) - 1)))
        lost |= set(plan.end(node, "failed" if node in fails else None))
        ended.append(node)
    # A second source: the standard library's sorter says what can be reached without passing a failed node.
    reachable: set[str] = set()
    for node in graphlib.TopologicalSorter(upstream).static_order():
        if set(upstream[node]) <= reachable - fails:
            reachable.add(node)
    assert set(ended) == reachable
    assert lost == set(upstream) - reachable
