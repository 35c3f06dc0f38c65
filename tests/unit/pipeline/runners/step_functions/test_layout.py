from hypothesis import given
from hypothesis import strategies as st

from pipeline.runners.step_functions.layout import Series, Together, arrange, needless_waits


def closure(direct):
    """Item → everything that it waits for, from what it waits for directly, in topological order."""
    above = {}
    for item, waits in direct.items():
        above[item] = frozenset(waits).union(*(above[other] for other in waits))
    return above


def arranged(direct):
    return arrange(list(direct), closure(direct))


def ordered_pairs(layout):
    """All pairs that a layout runs one after the other, and all that it holds."""
    if isinstance(layout, str):
        return set(), [layout]
    pairs, items = set(), []
    for part in layout.parts:
        inner, held = ordered_pairs(part)
        pairs |= inner
        if isinstance(layout, Series):
            pairs |= {(first, then) for first in items for then in held}
        items += held
    return pairs, items


def test_a_chain_is_a_chain():
    assert arranged({"a": "", "b": "a", "c": "b"}) == Series(("a", "b", "c"))


def test_what_has_nothing_to_do_with_each_other_runs_together():
    assert arranged({"a": "", "b": ""}) == Together(("a", "b"))


def test_branches_of_different_length_do_not_wait_for_each_other():
    layout = arranged({"start": "", "a": ["start"], "b": ["a"], "c": ["b"], "x": ["start"], "end": ["c", "x"]})
    assert layout == Series(("start", Together((Series(("a", "b", "c")), "x")), "end"))


def test_a_branch_that_nothing_waits_for_holds_up_nothing():
    layout = arranged({"start": "", "a": ["start"], "b": ["a"], "aside": ["start"]})
    assert layout == Series(("start", Together((Series(("a", "b")), "aside"))))


def test_fan_out_in_a_branch_stays_in_it():
    layout = arranged({"s": "", "a": ["s"], "b": ["s"], "a1": ["a"], "a2": ["a"], "end": ["a1", "a2", "b"]})
    assert layout == Series(("s", Together((Series(("a", Together(("a1", "a2")))), "b")), "end"))


def test_a_graph_that_is_no_chain_of_branches_is_cut_where_the_fewest_wait_in_vain():
    direct = {"a": "", "b": "", "c": ["a"], "d": ["a", "b"]}
    pairs, _ = ordered_pairs(arranged(direct))
    above = closure(direct)
    assert {(first, then) for first, then in pairs if first not in above[then]} in ({("a", "b")}, {("b", "c")})


@st.composite
def graphs(draw):
    names = [f"n{number}" for number in range(draw(st.integers(1, 9)))]
    return {
        name: draw(st.lists(st.sampled_from(names[:at]), unique=True)) if at else [] for at, name in enumerate(names)
    }


@st.composite
def chains_of_branches(draw, depth=3):
    """A layout by itself, and the graph that says the same: each part of a chain waits for all before it."""
    counter = iter(range(1000))

    def build(level):
        if level == 0 or draw(st.booleans()):
            name = f"n{next(counter)}"
            return {name: []}, [name]
        parts = [build(level - 1) for _ in range(draw(st.integers(2, 3)))]
        in_series = draw(st.booleans())
        direct, before = {}, []
        for graph, names in parts:
            for name, waits in graph.items():
                direct[name] = [*waits, *(before if in_series else [])]
            before = before + names
        return direct, before

    return build(depth)[0]


@given(graphs())
def test_every_item_is_there_once_and_after_all_that_it_waits_for(direct):
    pairs, items = ordered_pairs(arranged(direct))
    assert sorted(items) == sorted(direct)
    assert {(first, item) for item, above in closure(direct).items() for first in above} <= pairs


@given(chains_of_branches())
def test_a_graph_that_is_made_of_chains_and_branches_waits_for_nothing_in_vain(direct):
    above = closure(direct)
    pairs, _ = ordered_pairs(arranged(direct))
    assert pairs == {(first, item) for item in direct for first in above[item]}


def test_needless_waits_are_counted():
    above = closure({"a": "", "b": "", "c": ["a"]})
    assert needless_waits(["a", "b"], ["c"], above) == 1
    assert needless_waits(["a"], ["c"], above) == 0
