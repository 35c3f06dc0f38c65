"""A runner refuses what it cannot express, all of it at once; IRs are made by hand, from protos alone."""

import pytest
from google.protobuf import text_format
from tfx.proto.orchestration import pipeline_pb2

from pipeline.errors import UnsupportedByRunner
from pipeline.runners.base import Capabilities, Document, check_capabilities
from pipeline.runners.registry import RUNNERS

ALL = ", ".join(RUNNERS)
NOTHING = Capabilities(conditionals=False, runtime_parameters=False, runs_here=True, max_nodes=1)

RUN_CONTEXT = 'contexts { contexts { name { runtime_parameter { name: "pipeline-run-id" type: STRING } } } }'
PARAMETER = 'parameters { parameters { key: "value" value { runtime_parameter { name: "rows" type: INT } } } }'
PART_OF_A_TEXT = (
    'parameters { parameters { key: "path" value { structural_runtime_parameter {'
    ' parts { constant_value: "data/" } parts { runtime_parameter { name: "day" type: STRING } } } } } }'
)
IN_AN_INPUT = (
    'inputs { inputs { key: "examples" value { channels { context_queries {'
    ' name { runtime_parameter { name: "source" type: STRING } } } } } } }'
)


def ir_of(**nodes):
    """An IR of nodes whose bodies are given as text; each belongs to the run, as TFX's own do."""
    parts = [
        f'nodes {{ pipeline_node {{ node_info {{ id: "{name}" }} {RUN_CONTEXT} {body} }} }}'
        for name, body in nodes.items()
    ]
    return text_format.Parse("\n".join(parts), pipeline_pb2.Pipeline())


def problems_of(ir, capabilities=NOTHING):
    with pytest.raises(UnsupportedByRunner) as refused:
        check_capabilities("tiny", capabilities, ir)
    return refused.value.problems


def test_every_node_that_the_runner_cannot_express_is_listed_with_the_runners_that_can():
    conditional = 'inputs { conditionals { key: "c" value { placeholder_expression { value { int_value: 1 } } } } }'
    problems = problems_of(ir_of(Make=PARAMETER, Check=conditional, Push=conditional))
    assert problems == [
        f"Node 'Check' has a conditional, which runner 'tiny' cannot express. Remove the Cond or run with: {ALL}.",
        f"Node 'Push' has a conditional, which runner 'tiny' cannot express. Remove the Cond or run with: {ALL}.",
        "Node 'Make' takes runtime parameter 'rows', which runner 'tiny' cannot bind. "
        f"Give it a fixed value or run with: {ALL}.",
        f"Runner 'tiny' takes 1 nodes, the pipeline has also: Check, Push. Leave nodes out or run with: {ALL}.",
    ]


@pytest.mark.parametrize(("body", "name"), [(PARAMETER, "rows"), (PART_OF_A_TEXT, "day"), (IN_AN_INPUT, "source")])
def test_a_runtime_parameter_is_found_wherever_in_the_node_it_is(body, name):
    (problem,) = problems_of(ir_of(Make=body))
    assert f"'Make' takes runtime parameter '{name}'" in problem


def test_the_run_id_that_tfx_puts_in_every_node_is_no_runtime_parameter_of_the_user():
    check_capabilities("tiny", NOTHING, ir_of(Make=""))


def test_a_runner_that_can_do_everything_refuses_nothing():
    conditional = 'inputs { conditionals { key: "c" value { placeholder_expression { value { int_value: 1 } } } } }'
    able = Capabilities(conditionals=True, runtime_parameters=True, runs_here=True)
    check_capabilities("able", able, ir_of(Make=PARAMETER, Check=conditional, Path=PART_OF_A_TEXT))


@pytest.mark.parametrize("limit", [2, 3])
def test_as_many_nodes_as_the_runner_takes_are_not_refused(limit):
    check_capabilities("tiny", Capabilities(True, True, True, max_nodes=limit), ir_of(Make="", Report=""))


def test_values_of_the_parameters_type_are_taken():
    document = Document("local", "tiny", "", (), {"rows": "INT", "rate": "DOUBLE", "day": "STRING"}, ir="")
    document.check_parameters({"rows": "5", "rate": "0.5", "day": "today"})
