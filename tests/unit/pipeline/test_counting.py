from types import SimpleNamespace

import pytest

from pipeline.counting import counting


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("--runner=FnApiRunner", "--runner=components.beam_runner.CountingRunner"),
        ("--runner=FlinkRunner", "--runner=FlinkRunner"),
        ("--direct_num_workers=1", "--direct_num_workers=1"),
    ],
)
def test_beams_in_memory_runner_and_no_other_is_replaced_by_the_one_that_counts(given, used):
    argument = SimpleNamespace(value=SimpleNamespace(string_value=given))
    counting(SimpleNamespace(beam_pipeline_args_placeholders=[argument]))
    assert argument.value.string_value == used


def test_a_node_without_beam_stays_as_it_is():
    for spec in (None, SimpleNamespace(class_path="x.Executor")):
        assert counting(spec) is spec
