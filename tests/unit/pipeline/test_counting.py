from types import SimpleNamespace

import pytest

from pipeline.counting import counting


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("--runner=FnApiRunner", "--runner=components.beam_runner.CountingRunner"),
        ("--runner=PortableRunner", "--runner=components.portable_runners.PortableRunner"),
        ("--runner=FlinkRunner", "--runner=components.portable_runners.FlinkRunner"),
        ("--runner=SparkRunner", "--runner=components.portable_runners.SparkRunner"),
        ("--runner=DataflowRunner", "--runner=components.dataflow_runner.DataflowRunner"),
        ("--runner=my.own.Runner", "--runner=my.own.Runner"),
        ("--direct_num_workers=1", "--direct_num_workers=1"),
    ],
)
def test_beams_runners_and_no_others_are_replaced_by_those_that_tell(given, used):
    argument = SimpleNamespace(value=SimpleNamespace(string_value=given))
    counting(SimpleNamespace(beam_pipeline_args_placeholders=[argument]))
    assert argument.value.string_value == used


def test_a_node_without_beam_stays_as_it_is():
    for spec in (None, SimpleNamespace(class_path="x.Executor")):
        assert counting(spec) is spec
