"""Limits hold at their last value and are told, with the node, one beyond it."""

import botocore.session
import pytest
from aws_config import config_on_aws
from ir_by_hand import ir_of, node

from pipeline.errors import ConfigError
from pipeline.jobs import Join, Parameter, RunId, Unique, limits, plan_jobs

MODEL = botocore.session.get_session().get_service_model("sagemaker")


def problems_of(ir_text, config):
    with pytest.raises(ConfigError) as refused:
        plan_jobs(ir_text, config)
    return refused.value.problems


@pytest.mark.parametrize(
    ("shape", "bound", "ours"),
    [
        ("ContainerArgument", "max", limits.MAX_WORD),
        ("ProcessingEnvironmentValue", "max", limits.MAX_VALUE["processing"]),
        ("TrainingEnvironmentValue", "max", limits.MAX_VALUE["training"]),
        ("ContainerArguments", "max", limits.MAX_WORDS),
        ("ProcessingEnvironmentMap", "max", limits.MAX_VARIABLES),
        ("ProcessingOutputs", "max", limits.MAX_STREAMS),
        ("ProcessingInputs", "max", limits.MAX_STREAMS),
        ("S3Uri", "max", limits.MAX_S3_URI),
        ("PipelineDefinition", "max", limits.MAX_DOCUMENT_BYTES),
        ("ProcessingJobName", "max", limits.MAX_JOB_NAME),
        ("TrainingJobName", "max", limits.MAX_JOB_NAME),
        ("StepName", "max", limits.MAX_NAME + len("If-") + 1),
    ],
)
def test_our_limits_are_those_of_the_service(shape, bound, ours):
    assert MODEL.shape_for(shape).metadata[bound] == ours


@pytest.mark.parametrize(("length", "fits"), [(256, True), (257, False)])
def test_a_word_has_256_characters_at_most(length, fits):
    name = "secretsmanager:" + "x" * (length - len("secretsmanager:"))
    text = ir_of(node("Gen"))
    if fits:
        assert plan_jobs(text, config_on_aws(metadata=name))
        return
    (problem,) = problems_of(text, config_on_aws(metadata=name))
    assert problem.startswith("Node 'Gen': the word 'secretsmanager:xxx")
    assert problem.endswith(
        "after --metadata of its command has up to 257 characters, at most 256 fit. Shorten aws.metadata: name the "
        "secret instead of giving its ARN."
    )


def test_the_address_of_the_ir_is_a_word():
    root = "s3://bucket/" + "x" * (256 - len("s3://bucket/") - len("/ir/") - 64 - len(".json"))
    assert plan_jobs(ir_of(node("Gen")), config_on_aws(root=root))
    (problem,) = problems_of(ir_of(node("Gen")), config_on_aws(root=root + "x"))
    assert "after --ir of its command has up to 257 characters, at most 256 fit. Shorten aws.root." in problem


def test_every_node_with_a_word_too_long_is_named():
    problems = problems_of(ir_of(node("A"), node("B")), config_on_aws(metadata="secretsmanager:" + "x" * 300))
    assert [problem.partition(":")[0] for problem in problems] == ["Node 'A'", "Node 'B'"]


def test_a_command_has_100_words_at_most():
    def with_parameters(count):
        return ir_of(node("Gen", parameters={f"p{number}": 1 for number in range(count)}))

    assert plan_jobs(with_parameters(46), config_on_aws())  # 8 words, and two for each
    (problem,) = problems_of(with_parameters(47), config_on_aws())
    assert "Node 'Gen': its command has 102 words, at most 100 fit" in problem


def test_a_job_has_100_variables_at_most():
    variables = {f"X{number}": "" for number in range(97)}  # and two for the region, one for the image
    assert plan_jobs(ir_of(node("Gen")), config_on_aws(environment=variables))
    (problem,) = problems_of(ir_of(node("Gen")), config_on_aws(environment={**variables, "ONE_MORE": ""}))
    assert "Node 'Gen': it has 101 environment variables, at most 100 fit" in problem


def test_symbols_count_as_long_as_they_can_become():
    assert limits.longest(Join(("ab", RunId(), "/", Unique()))) == 2 + 80 + 1 + 36
    assert limits.longest(Join(("x=", Parameter("value")))) == 2
    assert limits.shown(Join(("a/", RunId(), "/", Parameter("day")))) == "a/<run id>/<day>"


@pytest.mark.parametrize(("size", "fits"), [(2**20, True), (2**20 + 1, False)])
def test_a_document_has_a_mebibyte_at_most(size, fits):
    problem = limits.document_problem("sagemaker", "x" * size, ("A", "B"))
    assert (problem is None) == fits
    assert fits or "has 1,048,577 bytes for 2 nodes, at most 1,048,576 fit" in problem
