from ir_by_hand import APPROVAL, TRAINER, ir_of, node

from pipeline.jobs.gates import Gates
from pipeline.jobs.graph import JobGraph, nodes_of
from pipeline.jobs.request import Gate


def gates_of(*nodes):
    """Node → (key, value) of each gate before its job, outermost first; and the deciding job of each key."""
    graph = JobGraph(nodes_of(ir_of(*nodes)))
    gates = Gates(graph, {lead: lead for lead in graph.jobs})
    before = {lead: [(gate.node_id, gate.value) for gate in gates.of(lead)] for lead in graph.jobs}
    return before, {gate.node_id: gate.job for gate in gates.accepted.values()}


def test_a_condition_is_decided_by_the_job_that_ends_last_of_what_it_needs():
    before, decided = gates_of(node("A"), node("B", "A"), node("Push", "A", "B", conditions=["c"]))
    assert before == {"A": [], "B": [], "Push": [("Push", "run")]}
    assert decided == {"Push": "B"}


def test_the_deciding_job_is_told_what_to_decide():
    graph = JobGraph(nodes_of(ir_of(node("A"), node("Push", "A", conditions=["c"]))))
    gates = Gates(graph, {"A": "A", "Push": "Push"})
    assert gates.decided_by("A") == ("Push",)
    assert gates.decided_by("Push") == ()
    assert gates.of("Push") == (Gate("If-Push", "A", "Push", "run"),)


def test_no_job_sees_all_of_what_two_branches_make_so_the_launcher_decides():
    before, decided = gates_of(node("A"), node("B"), node("Push", "A", "B", conditions=["c"]))
    assert before["Push"] == []
    assert decided == {}


def test_a_training_job_hands_out_no_decision():
    before, decided = gates_of(node("Trainer", type_name=TRAINER), node("Push", "Trainer", conditions=["c"]))
    assert (before["Push"], decided) == ([], {})


def test_nodes_of_one_condition_are_behind_one_gate():
    before, decided = gates_of(
        node("A"),
        node("B", "A", conditions=["c"]),
        node("C", "A", conditions=["c"]),
        node("D", "B", "C", conditions=["c"]),
    )
    assert before == {"A": [], "B": [("B", "run")], "C": [("B", "run")], "D": [("B", "run")]}
    assert decided == {"B": "A"}


def test_a_condition_inside_another_is_a_gate_behind_its_gate():
    before, decided = gates_of(
        node("A"), node("B", "A", conditions=["outer"]), node("C", "A", "B", conditions=["outer", "inner"])
    )
    assert before["C"] == [("B", "run"), ("C", "run")]
    assert decided == {"B": "A", "C": "B"}


def test_what_runs_whatever_a_condition_says_does_not_wait_behind_its_gate():
    before, decided = gates_of(node("A"), node("B", "A", conditions=["c"]), node("Report", "B"))
    assert before == {"A": [], "B": [], "Report": []}
    assert decided == {}


def test_everything_after_an_approval_is_reached_only_when_it_is_given():
    before, decided = gates_of(
        node("Trainer", type_name=TRAINER),
        node("ModelApproval", "Trainer", type_name=APPROVAL),
        node("Card", "Trainer"),
        node("Pusher", "Trainer", "ModelApproval"),
        node("Registry", "Trainer", "Pusher"),
    )
    approved = [("ModelApproval", "approved")]
    assert before == {"Trainer": [], "ModelApproval": [], "Card": [], "Pusher": approved, "Registry": approved}
    assert decided == {"ModelApproval": "ModelApproval"}


def test_a_condition_behind_an_approval_is_decided_behind_it():
    before, decided = gates_of(
        node("ModelApproval", type_name=APPROVAL),
        node("Pusher", "ModelApproval"),
        node("Deploy", "Pusher", conditions=["c"]),
    )
    assert before["Deploy"] == [("ModelApproval", "approved"), ("Deploy", "run")]
    assert decided["Deploy"] == "Pusher"


def test_an_approval_holds_even_where_a_condition_lies_across_it():
    before, _ = gates_of(
        node("A"),
        node("ModelApproval", "A", type_name=APPROVAL),
        node("Early", "A", conditions=["c"]),
        node("Pusher", "ModelApproval"),
        node("Both", "Early", "ModelApproval", conditions=["c"]),
    )
    assert before["Pusher"] == before["Both"] == [("ModelApproval", "approved")]
    assert before["Early"] == []


def test_an_approval_holds_for_what_comes_after_an_approving_node_behind_a_condition():
    before, _ = gates_of(
        node("A"), node("ModelApproval", "A", type_name=APPROVAL, conditions=["c"]), node("Pusher", "ModelApproval")
    )
    assert before["Pusher"] == [("ModelApproval", "approved")]
