import pytest

from pipeline.errors import ConfigError
from pipeline.runners.selection import select

#   Gen → Stats → Gate → Train → Eval ← Latest
#      └────────────────→ Train
UPSTREAM = {
    "Gen": (),
    "Latest": (),
    "Stats": ("Gen",),
    "Gate": ("Stats",),
    "Train": ("Gen", "Gate"),
    "Eval": ("Train", "Latest"),
}


def test_without_options_everything_is_carried_out():
    selection = select(UPSTREAM)
    assert selection.wanted == tuple(UPSTREAM)
    assert selection.reused == ()
    assert selection.left_out == {}


def test_from_takes_what_lies_before_from_an_earlier_run():
    selection = select(UPSTREAM, first="Train")
    assert selection.wanted == ("Train", "Eval")
    assert selection.reused == ("Gen", "Latest", "Stats", "Gate")


def test_nodes_that_look_at_the_present_are_carried_out_instead_of_reused():
    selection = select(UPSTREAM, first="Train", never_reused={"Latest"})
    assert selection.wanted == ("Latest", "Train", "Eval")
    assert selection.reused == ("Gen", "Stats", "Gate")


def test_to_stops_after_the_node_and_says_what_is_left_out():
    selection = select(UPSTREAM, last="Stats")
    assert selection.wanted == ("Gen", "Stats")
    assert selection.left_out == {
        "Latest": "left out by --to Stats",
        "Gate": "left out by --to Stats",
        "Train": "left out by --to Stats",
        "Eval": "left out by --to Stats",
    }


def test_from_leaves_out_what_nothing_wanted_depends_on():
    selection = select({"A": (), "B": ("A",), "C": ("A",)}, first="B")
    assert (selection.wanted, selection.reused) == (("B",), ("A",))
    assert selection.left_out == {"C": "left out by --from B"}


def test_only_is_from_and_to_the_same_node():
    selection = select(UPSTREAM, first="Gate", last="Gate")
    assert (selection.wanted, selection.reused) == (("Gate",), ("Gen", "Stats"))


def test_an_unknown_node_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError) as refused:
        select(UPSTREAM, first="train", last="Evla")
    assert refused.value.problems == [
        "--from train: the pipeline has no such node. Did you mean 'Train'?",
        "--to Evla: the pipeline has no such node. Did you mean 'Eval'?",
    ]


def test_an_end_that_does_not_depend_on_the_beginning_is_refused():
    with pytest.raises(ConfigError, match="'Gen' does not depend on 'Train'"):
        select(UPSTREAM, first="Train", last="Gen")


def test_a_node_that_is_named_once_is_refused_once():
    with pytest.raises(ConfigError) as refused:
        select(UPSTREAM, first="train", last="train")
    assert refused.value.problems == ["--only train: the pipeline has no such node. Did you mean 'Train'?"]
