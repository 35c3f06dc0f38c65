import itertools
import random

from pipeline.report.layout import essential_edges, layers, layout

TFX = {
    "StatisticsGen": ["ExampleGen"],
    "ExampleValidator": ["StatisticsGen", "SchemaGen"],
    "Transform": ["ExampleGen", "SchemaGen", "ExampleValidator"],
    "Trainer": ["Transform", "SchemaGen"],
    "Evaluator": ["ExampleGen", "Trainer", "resolver"],
    "Pusher": ["Trainer", "Evaluator"],
}
ORDER = [
    "ExampleGen",
    "SchemaGen",
    "resolver",
    "StatisticsGen",
    "ExampleValidator",
    "Transform",
    "Trainer",
    "Evaluator",
    "Pusher",
]


def test_edges_that_follow_from_others_are_left_out():
    edges = essential_edges(ORDER, TFX)
    assert ("ExampleGen", "Transform") not in edges
    assert ("Trainer", "Pusher") not in edges
    assert set(edges) == {
        ("ExampleGen", "StatisticsGen"),
        ("StatisticsGen", "ExampleValidator"),
        ("SchemaGen", "ExampleValidator"),
        ("ExampleValidator", "Transform"),
        ("Transform", "Trainer"),
        ("Trainer", "Evaluator"),
        ("resolver", "Evaluator"),
        ("Evaluator", "Pusher"),
    }


def test_each_node_lies_beyond_all_that_it_reads_from():
    places = layout(ORDER, TFX).places
    for node, parents in TFX.items():
        assert all(places[parent][0] < places[node][0] for parent in parents)


def test_a_source_stands_just_before_its_reader():
    assert (
        layers(ORDER, essential_edges(ORDER, TFX))["resolver"]
        == layers(ORDER, essential_edges(ORDER, TFX))["Evaluator"] - 1
    )


def test_no_two_boxes_share_a_place():
    for nodes, upstream in (random_graph(seed) for seed in range(30)):
        placed = layout(nodes, upstream)
        for (one_layer, one), (other_layer, other) in itertools.combinations(placed.places.values(), 2):
            assert one_layer != other_layer or abs(one - other) >= 1 - 1e-9


def test_edges_begin_and_end_at_their_boxes_and_pass_each_layer_between():
    for nodes, upstream in (random_graph(seed) for seed in range(30)):
        placed = layout(nodes, upstream)
        for (parent, child), points in placed.edges.items():
            assert (points[0], points[-1]) == (placed.places[parent], placed.places[child])
            assert [layer for layer, _ in points] == list(range(points[0][0], points[-1][0] + 1))


def test_two_chains_are_drawn_without_a_crossing():
    placed = layout(["a", "b", "c", "d", "e", "f"], {"c": ["b"], "d": ["a"], "e": ["d"], "f": ["c"]})
    above = [placed.places[node][1] for node in "ade"]
    below = [placed.places[node][1] for node in "bcf"]
    assert all(one < other for one, other in zip(above, below, strict=True)) or all(
        one > other for one, other in zip(above, below, strict=True)
    )


def test_a_graph_of_nothing_and_a_node_that_reads_from_an_unknown_one_have_a_layout():
    assert layout([], {}).layers == 0
    assert layout(["a"], {"a": ["gone"]}).places == {"a": (0, 0.0)}


def random_graph(seed):
    chance = random.Random(seed)
    nodes = [f"n{index}" for index in range(chance.randrange(2, 25))]
    upstream = {node: chance.sample(nodes[:index], min(index, chance.randrange(4))) for index, node in enumerate(nodes)}
    return nodes, upstream
