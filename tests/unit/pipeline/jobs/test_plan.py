import pytest
from aws_config import SETTINGS, config_on_aws
from ir_by_hand import APPROVAL, RESOLVER, TRAINER, ir_of, node

from pipeline import ir as ir_documents
from pipeline.aws_settings import ResourceLine
from pipeline.cache_policy import NodePolicy
from pipeline.config import Config
from pipeline.errors import ConfigError
from pipeline.jobs import Join, Parameter, RunId, plan_jobs, plan_rest

IR = ir_of(
    node("Gen", parameters={"span": 3, "day": str}),
    node("latest", type_name=RESOLVER),
    node("Trainer", "Gen", type_name=TRAINER, parameters={"rate": 0.5}),
    node("ModelApproval", "Trainer", "latest", type_name=APPROVAL),
    node("Pusher", "ModelApproval", "Trainer", parameters={"day": str}),
)


def words_of(job):
    container = job.request.get("AppSpecification") or job.request["AlgorithmSpecification"]
    return container["ContainerArguments"]


def problems_of(ir_text, config):
    with pytest.raises(ConfigError) as refused:
        plan_jobs(ir_text, config)
    return refused.value.problems


def test_a_job_runs_the_launcher_with_the_ir_by_its_digest_the_run_and_every_parameter():
    plan = plan_jobs(IR, config_on_aws())
    ir_uri = f"s3://bucket/prefix/ir/{ir_documents.digest(IR)}.json"
    assert plan.ir_uri == ir_uri
    assert words_of(plan.job("Gen")) == [
        *("--ir", ir_uri, "--nodes", "latest,Gen", "--run-id", RunId(), "--metadata", SETTINGS.metadata),
        *("--param", Join(("day=", Parameter("day")))),
        *("--param", Join(("rate=", Parameter("rate")))),
        *("--param", Join(("span=", Parameter("span")))),
    ]
    assert plan.job("Gen").request["AppSpecification"]["ContainerEntrypoint"] == ["python", "-m", "pipeline.launch"]


def test_parameters_keep_their_type_and_their_default():
    assert [(each.name, each.type, each.default) for each in plan_jobs(IR, config_on_aws()).parameters] == [
        ("day", "STRING", None),
        ("rate", "DOUBLE", 0.5),
        ("span", "INT", 3),
    ]


def test_jobs_wait_for_each_other_as_their_nodes_do():
    plan = plan_jobs(IR, config_on_aws())
    assert {job.name: job.depends_on for job in plan.jobs} == {
        "Gen": (),
        "Trainer": ("Gen",),
        "ModelApproval": ("Trainer",),
        "Pusher": ("ModelApproval",),
    }
    assert plan.node_ids == ("latest", "Gen", "Trainer", "ModelApproval", "Pusher")


def test_an_approving_job_hands_out_its_decision_by_run_and_job():
    job = plan_jobs(IR, config_on_aws()).job("ModelApproval")
    assert job.awaits_approval == "ModelApproval"
    assert words_of(job)[-2:] == ["--decisions", "/opt/ml/processing/output/decisions"]
    (output,) = job.request["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri"] == Join(("s3://bucket/prefix/decisions/", RunId(), "/ModelApproval"))
    assert output["S3Output"]["LocalPath"] == "/opt/ml/processing/output/decisions"


def test_a_job_that_decides_on_a_condition_is_told_for_which_node():
    text = ir_of(node("A"), node("Push", "A", conditions=["c"]))
    words = words_of(plan_jobs(text, config_on_aws()).job("A"))
    assert words[words.index("--decide") + 1] == "Push"
    assert words[-2] == "--decisions"


def test_only_what_differs_about_a_jobs_own_nodes_is_said_of_the_cache():
    config = config_on_aws().model_copy(update={"nodes": {"Trainer": NodePolicy(cache=False), "Gen": NodePolicy()}})
    words = words_of(plan_jobs(IR, config).job("Trainer"))
    assert words[words.index("--caching") + 1] == '{"Trainer": {"cache": false, "cache_ttl_hours": null}}'
    assert "--caching" not in words_of(plan_jobs(IR, config).job("Pusher"))


def test_after_an_approval_the_named_run_goes_on_with_what_its_nodes_need():
    rest = plan_rest(IR, config_on_aws())
    assert rest.pipeline_name == "tiny-continue"
    assert [job.name for job in rest.jobs] == ["ModelApproval", "Pusher"]
    assert [(each.name, each.default) for each in rest.parameters] == [("RunId", None), ("day", None)]
    words = words_of(rest.job("Pusher"))
    assert words[words.index("--run-id") + 1] == Parameter("RunId")
    assert [word for word in words if word == "--param"] == ["--param"]
    assert rest.job("Pusher").gates == plan_jobs(IR, config_on_aws()).job("Pusher").gates


def test_a_pipeline_that_approves_nothing_has_no_rest():
    assert plan_rest(ir_of(node("Gen")), config_on_aws()) is None


def test_training_is_a_training_job_and_everything_else_a_processing_job():
    plan = plan_jobs(IR, config_on_aws())
    assert {job.name: job.kind for job in plan.jobs} == {
        "Gen": "processing",
        "Trainer": "training",
        "ModelApproval": "processing",
        "Pusher": "processing",
    }


def test_a_training_job_has_the_machine_of_its_line_and_checkpoints_by_run():
    lines = {"Trainer": ResourceLine(gpus=1, disk_gb=50, timeout_s=7200, retries=1)}
    job = plan_jobs(IR, config_on_aws(resources=lines)).job("Trainer")
    assert job.request["ResourceConfig"] == {
        "InstanceCount": 1,
        "InstanceType": "ml.g4dn.xlarge",
        "VolumeSizeInGB": 50,
    }  # its disk is its own: encrypted by its hardware, it takes no key of ours
    assert job.request["CheckpointConfig"] == {
        "LocalPath": "/opt/ml/checkpoints",
        "S3Uri": Join(("s3://bucket/prefix/checkpoints/", RunId(), "/Trainer")),
    }
    assert job.request["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}
    assert job.request["EnableManagedSpotTraining"] is False
    assert (job.timeout_s, job.retries) == (7200, 1)


def test_several_machines_share_a_training_and_do_nothing_else_together():
    plan = plan_jobs(IR, config_on_aws(resources={"default": ResourceLine(instances=3)}))
    trainer = plan.job("Trainer").request
    assert trainer["ResourceConfig"]["InstanceCount"] == 3
    assert trainer["EnableInterContainerTrafficEncryption"] is True
    assert plan.job("Gen").request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] == 1
    assert (
        plan.job("Trainer").request["AlgorithmSpecification"]
        == (plan_jobs(IR, config_on_aws()).job("Trainer").request["AlgorithmSpecification"])
    ), "every machine is given the same words, those of one machine"
    (problem,) = problems_of(IR, config_on_aws(resources={"Gen": ResourceLine(instances=2)}))
    assert problem.startswith("Node 'Gen' (resources.Gen): instances is 2, and only a Trainer's work")


@pytest.mark.parametrize(("max_wait_s", "expected"), [(None, 7200), (3600, 3600), (9000, 9000)])
def test_spot_waits_at_least_as_long_as_it_may_run(max_wait_s, expected):
    lines = {"Trainer": ResourceLine(spot=True, max_wait_s=max_wait_s)}
    job = plan_jobs(IR, config_on_aws(resources=lines)).job("Trainer")
    assert job.request["EnableManagedSpotTraining"] is True
    assert job.request["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": expected}
    assert job.timeout_s == expected


def test_a_wait_that_is_shorter_than_the_default_run_is_refused():
    lines = {"default": ResourceLine(timeout_s=7200), "Trainer": ResourceLine(spot=True, max_wait_s=3600)}
    (problem,) = problems_of(IR, config_on_aws(resources=lines))
    assert "Node 'Trainer' (resources.Trainer): max_wait_s is 3600, less than timeout_s (7200)" in problem


def test_network_keys_roles_and_tags_are_those_of_the_configuration():
    plan = plan_jobs(IR, config_on_aws())
    vpc = {"SecurityGroupIds": list(SETTINGS.security_groups), "Subnets": list(SETTINGS.subnets)}
    gen, trainer = plan.job("Gen").request, plan.job("Trainer").request
    assert gen["NetworkConfig"] == {
        "EnableInterContainerTrafficEncryption": True,
        "EnableNetworkIsolation": False,
        "VpcConfig": vpc,
    }
    assert (trainer["VpcConfig"], trainer["EnableInterContainerTrafficEncryption"]) == (vpc, True)
    assert gen["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == SETTINGS.kms_key
    assert trainer["ResourceConfig"]["VolumeKmsKeyId"] == SETTINGS.kms_key
    assert trainer["OutputDataConfig"]["KmsKeyId"] == SETTINGS.kms_key
    assert plan.job("ModelApproval").request["ProcessingOutputConfig"]["KmsKeyId"] == SETTINGS.kms_key
    assert gen["RoleArn"] == trainer["RoleArn"] == SETTINGS.job_role
    assert {tag["Key"]: tag["Value"] for tag in trainer["Tags"]} == {
        "team": "reviews",
        "penstock-pipeline": "tiny",
        "penstock-node": "Trainer",
    }


def test_without_network_and_key_nothing_is_said_of_them():
    bare = config_on_aws(subnets=(), security_groups=(), kms_key=None)
    text = repr([job.request for job in plan_jobs(IR, bare).jobs])
    assert "VpcConfig" not in text
    assert "Kms" not in text


def test_variables_are_the_configurations_over_the_region():
    environment = plan_jobs(IR, config_on_aws(environment={"X": "1"})).job("Gen").request["Environment"]
    region = {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_REGION": "eu-central-1"}
    assert environment == {**region, "PENSTOCK_IMAGE": SETTINGS.image, "X": "1"}


def test_jobs_are_told_who_vouches_for_the_lineage_store():
    ca = f"s3://bucket/prefix/certificates/rds.pem#sha256={'ab' * 32}"
    for job in plan_jobs(IR, config_on_aws(metadata_ca=ca)).jobs:
        assert job.request["Environment"]["PENSTOCK_METADATA_CA"] == ca


def test_job_names_leave_room_for_what_makes_them_unique():
    text = ir_of(node("a_node_with_a_long_name_1"), node("a_node_with_a_long_name_2"))
    bases = [job.name_base for job in plan_jobs(text, config_on_aws()).jobs]
    assert len(set(bases)) == 2
    assert all(len(base) <= 63 - 36 - 1 for base in bases)


def test_the_longest_prefix_leaves_names_that_differ():
    plan = plan_jobs(ir_of(node("alpha"), node("beta")), config_on_aws(job_prefix="p" * 20))
    assert len({job.name_base for job in plan.jobs}) == 2
    assert all(len(job.name_base) <= 26 for job in plan.jobs)


def test_every_node_that_asks_for_what_it_cannot_have_is_named_with_the_line_that_says_so():
    lines = {"default": ResourceLine(cpus=150), "Pusher": ResourceLine(spot=True, cpus=2)}
    problems = problems_of(IR, config_on_aws(resources=lines))
    assert [problem.partition(": ")[0] for problem in problems] == [
        "Node 'Gen' (resources.default)",
        "Node 'Trainer' (resources.default)",
        "Node 'ModelApproval' (resources.default)",
        "Node 'Pusher' (resources.Pusher)",
    ]


def test_two_nodes_with_one_name_for_the_platform_are_told():
    (problem,) = problems_of(ir_of(node("a_b"), node("a.b")), config_on_aws())
    assert "Nodes 'a_b' and 'a.b' would both have jobs named 'a-b'. Rename one of them." in problem


def test_a_name_that_a_condition_has_is_not_a_nodes():
    text = ir_of(node("A"), node("B", "A", conditions=["c"]), node("If-B"))
    (problem,) = problems_of(text, config_on_aws())
    assert "'If-B'" in problem


def test_names_that_a_platform_does_not_take_are_told_together():
    text = ir_of(node("x" * 61), node("Gen", parameters={"pipeline-root": "x", "run_id": "y"}))
    problems = problems_of(text, config_on_aws())
    assert len(problems) == 3
    assert "61 characters" in problems[0]
    assert "Runtime parameter 'pipeline-root'" in problems[1]
    assert "Runtime parameter 'run_id': the run's own id has this name" in problems[2]


def test_a_node_that_a_decision_is_about_needs_a_name_that_paths_can_hold():
    (problem,) = problems_of(ir_of(node("A"), node("Push.it", "A", conditions=["c"])), config_on_aws())
    assert "'Push.it'" in problem


def test_a_pipeline_without_the_section_is_told_what_it_needs():
    config = Config.model_validate({"pipeline": {"name": "x"}, "data": {"path": "/d"}, "label": {"column": "y"}})
    (problem,) = problems_of(IR, config)
    assert "no section 'aws'" in problem


def test_the_same_pipeline_gives_the_same_plan():
    assert plan_jobs(IR, config_on_aws()) == plan_jobs(IR, config_on_aws())
    other = config_on_aws(image=SETTINGS.image.replace("0123", "3210"))
    assert plan_jobs(IR, other) != plan_jobs(IR, config_on_aws())
