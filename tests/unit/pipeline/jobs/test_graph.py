from ir_by_hand import APPROVAL, IMPORTER, RESOLVER, TRAINER, ir_of, node

from pipeline.jobs.graph import JobGraph, from_approval_on, nodes_of


def graph_of(*nodes):
    return JobGraph(nodes_of(ir_of(*nodes)))


def test_lookups_that_wait_for_nothing_run_first_in_the_first_job_and_cost_none_of_their_own():
    graph = graph_of(
        node("Import", type_name=IMPORTER),
        node("Gen"),
        node("latest", type_name=RESOLVER),
        node("Evaluator", "Gen", "latest", "Import"),
    )
    assert graph.jobs == {"Gen": ("Import", "latest", "Gen"), "Evaluator": ("Evaluator",)}
    assert graph.reduced == {"Gen": (), "Evaluator": ("Gen",)}


def test_a_lookup_that_waits_for_nodes_of_one_job_runs_behind_them_in_it():
    graph = graph_of(node("Gen"), node("previous", "Gen", type_name=RESOLVER), node("Gate", "Gen", "previous"))
    assert graph.jobs == {"Gen": ("Gen", "previous"), "Gate": ("Gate",)}


def test_a_lookup_that_waits_for_several_jobs_or_for_a_training_has_a_job_of_its_own():
    graph = graph_of(
        node("A"),
        node("B"),
        node("both", "A", "B", type_name=RESOLVER),
        node("Trainer", "A", type_name=TRAINER),
        node("after", "Trainer", type_name=RESOLVER),
    )
    assert set(graph.jobs) == {"A", "B", "both", "Trainer", "after"}


def test_a_lookup_behind_a_condition_has_a_job_of_its_own():
    graph = graph_of(node("Gen"), node("maybe", "Gen", type_name=RESOLVER, conditions=["c"]))
    assert set(graph.jobs) == {"Gen", "maybe"}


def test_a_pipeline_of_lookups_only_is_one_job_each():
    assert set(graph_of(node("latest", type_name=RESOLVER)).jobs) == {"latest"}


def test_a_job_names_only_the_last_of_what_it_waits_for():
    graph = graph_of(node("A"), node("B", "A"), node("C", "A", "B"), node("D", "A", "B", "C"))
    assert graph.reduced == {"A": (), "B": ("A",), "C": ("B",), "D": ("C",)}
    assert graph.above["D"] == {"A", "B", "C"}
    assert graph.below["A"] == {"B", "C", "D"}


def test_jobs_come_after_what_they_wait_for_though_a_lookup_moved_to_a_later_job():
    graph = graph_of(
        node("latest", type_name=RESOLVER),
        node("Early", "latest"),
        node("Gen"),
    )
    assert graph.order == ("Gen", "Early")


def test_from_the_approval_on_nodes_wait_for_each_other_only():
    nodes = nodes_of(
        ir_of(
            node("Trainer", type_name=TRAINER),
            node("Card", "Trainer"),
            node("ModelApproval", "Trainer", type_name=APPROVAL),
            node("Pusher", "Trainer", "ModelApproval"),
            node("Registry", "Pusher"),
        )
    )
    kept = from_approval_on(nodes)
    assert {node_id: set(found.upstream) for node_id, found in kept.items()} == {
        "ModelApproval": set(),
        "Pusher": {"ModelApproval"},
        "Registry": {"Pusher"},
    }
    assert from_approval_on(nodes_of(ir_of(node("Gen")))) == {}


def test_a_node_approves_if_it_makes_an_approval_whatever_it_is_called():
    from components.model_approval.artifact import ModelApproval

    mine = node("Mine", type_name="my.Component")
    mine["outputs"] = {"outputs": {"verdict": {"artifactSpec": {"type": {"name": ModelApproval.TYPE_NAME}}}}}
    other = node("ModelApproval", type_name="some.ModelApproval")
    assert {node_id: found.approves for node_id, found in nodes_of(ir_of(mine, other)).items()} == {
        "Mine": True,
        "ModelApproval": False,
    }
