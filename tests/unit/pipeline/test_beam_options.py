import dataclasses

import pytest

from pipeline.beam_options import beam_options, check_reach, result_options
from pipeline.beam_settings import (
    BeamEnvironment,
    BeamNodeSettings,
    BeamSettings,
    DataflowSettings,
    FlinkSettings,
    PortableSettings,
    SparkSettings,
)
from pipeline.errors import ConfigError

IMAGE = "registry.example.com/penstock@sha256:" + "0" * 64
POOL = BeamEnvironment(kind="external", address="localhost:50000")
LOCAL_FLINK = FlinkSettings(job_server_jar="/opt/flink.jar")
CLUSTER = FlinkSettings(
    job_server_jar="/opt/flink.jar", master="flink:8081", version="2.0", uber_jar=True, environment=POOL
)
LOCAL_SPARK = SparkSettings(job_server_jar="/opt/spark.jar", java="/opt/java", java_options=("-Xmx2g", "-Dx=1"))
SPARK_MASTER = SparkSettings(
    job_server_jar="/opt/spark.jar", master="spark://spark:7077", artifacts_dir="/mnt/beam", environment=POOL
)
SPARK_REST = SparkSettings(
    job_server_jar="/opt/spark.jar", rest_url="http://spark:6066", artifacts_dir="/mnt/beam", environment=POOL
)
DATAFLOW = DataflowSettings(
    "my-project",
    "europe-west1",
    "gs://bucket/tmp",
    service_account="w@p.iam.gserviceaccount.com",
    subnetwork="regions/europe-west1/subnetworks/a",
    machine_type="n2-highmem-4",
    disk_gb=50,
    public_ips=False,
)
JOBS = PortableSettings("jobs:8099", "jobs:8098", BeamEnvironment(kind="process", command="/opt/apache/beam/boot"))
DOCKER = PortableSettings("localhost:8099", environment=BeamEnvironment(kind="docker"))

SETTINGS = {
    "in_memory": BeamSettings(workers=7),
    "local_parallel": BeamSettings(mode="local_parallel", workers=4),
    "flink here": BeamSettings(mode="flink", flink=LOCAL_FLINK),
    "flink cluster": BeamSettings(mode="flink", flink=CLUSTER, workers=8, image=IMAGE),
    "spark here": BeamSettings(mode="spark", spark=LOCAL_SPARK, workers=2),
    "spark master": BeamSettings(mode="spark", spark=SPARK_MASTER),
    "spark rest": BeamSettings(mode="spark", spark=SPARK_REST),
    "dataflow": BeamSettings(mode="dataflow", dataflow=DATAFLOW, image=IMAGE, workers=20),
    "portable": BeamSettings(mode="portable", portable=JOBS, pipeline_args=("--experiments=pre_optimize=all",)),
    "docker": BeamSettings(mode="portable", portable=DOCKER, image=IMAGE),
}
OPTIONS = {
    "in_memory": "--runner=FnApiRunner --direct_running_mode=in_memory --direct_num_workers=1 "
    "--sdk_container_image=this-process",
    "local_parallel": "--runner=FnApiRunner --direct_running_mode=multi_processing --direct_num_workers=4 "
    "--sdk_container_image=this-process",
    "flink here": "--runner=FlinkRunner --flink_master=[local] --flink_version=1.20 "
    "--flink_job_server_jar=/opt/flink.jar --environment_type=LOOPBACK --sdk_container_image=this-process",
    "flink cluster": "--runner=FlinkRunner --flink_master=flink:8081 --flink_version=2.0 "
    "--flink_job_server_jar=/opt/flink.jar --flink_submit_uber_jar --parallelism=8 --environment_type=EXTERNAL "
    f"--environment_config=localhost:50000 --sdk_container_image={IMAGE}",
    "spark here": "--runner=SparkRunner --spark_master_url=local[2] --spark_job_server_jar=/opt/spark.jar "
    "--job_server_java_launcher=/opt/java --job_server_jvm_properties=-Xmx2g --job_server_jvm_properties=-Dx=1 "
    "--environment_type=LOOPBACK --sdk_container_image=this-process",
    "spark master": "--runner=SparkRunner --spark_master_url=spark://spark:7077 --spark_job_server_jar=/opt/spark.jar "
    "--artifacts_dir=/mnt/beam --environment_type=EXTERNAL --environment_config=localhost:50000 "
    "--sdk_container_image=this-process",
    "spark rest": "--runner=SparkRunner --spark_submit_uber_jar --spark_rest_url=http://spark:6066 "
    "--spark_job_server_jar=/opt/spark.jar --artifacts_dir=/mnt/beam --environment_type=EXTERNAL "
    "--environment_config=localhost:50000 --sdk_container_image=this-process",
    "dataflow": "--runner=DataflowRunner --project=my-project --region=europe-west1 --temp_location=gs://bucket/tmp "
    "--service_account_email=w@p.iam.gserviceaccount.com --subnetwork=regions/europe-west1/subnetworks/a "
    "--worker_machine_type=n2-highmem-4 --disk_size_gb=50 --max_num_workers=20 --no_use_public_ips "
    f"--sdk_container_image={IMAGE}",
    "portable": "--runner=PortableRunner --job_endpoint=jobs:8099 --artifact_endpoint=jobs:8098 "
    '--environment_type=PROCESS --environment_config={"command":_"/opt/apache/beam/boot"} '
    "--sdk_container_image=this-process --experiments=pre_optimize=all",
    "docker": "--runner=PortableRunner --job_endpoint=localhost:8099 --environment_type=DOCKER "
    f"--environment_config={IMAGE} --sdk_container_image={IMAGE}",
}


@pytest.mark.parametrize("name", OPTIONS)
def test_each_mode_becomes_beams_options(name):
    expected = [option.replace(":_", ": ") for option in OPTIONS[name].split(" ")]
    assert beam_options(SETTINGS[name], "Transform") == expected


@pytest.mark.parametrize("name", OPTIONS)
def test_beam_knows_every_option_and_reads_each_as_it_was_said(name):
    """Beam's own parser is the second source: what it does not know, it drops without a word."""
    from apache_beam.options.pipeline_options import PipelineOptions

    given = beam_options(SETTINGS[name], "Transform")
    read = PipelineOptions(given).get_all_options(drop_default=True)
    renamed = {"no_use_public_ips": "use_public_ips", "worker_machine_type": "machine_type"}
    names = {option.partition("=")[0].removeprefix("--") for option in given}
    defaults = {"direct_running_mode", "direct_num_workers"} if name == "in_memory" else set()
    assert {renamed.get(item, item) for item in names} - defaults <= set(read)


def test_in_the_place_of_tfx_itself_a_container_image_is_named_in_every_mode():
    """With one, TFX does not pack itself up for workers to install."""
    from tfx.utils.dependency_utils import make_beam_dependency_flags

    for settings in SETTINGS.values():
        given = beam_options(settings, "Transform")
        assert make_beam_dependency_flags(list(given)) == given


def test_a_node_runs_where_it_says():
    settings = BeamSettings(nodes={"Transform": BeamNodeSettings(mode="local_parallel", workers=2)})
    assert "--direct_running_mode=multi_processing" in beam_options(settings, "Transform")
    assert beam_options(settings, "Evaluator") == beam_options(BeamSettings(), "Evaluator")


@pytest.mark.parametrize("name", OPTIONS)
def test_where_beam_runs_is_no_part_of_the_result_and_other_options_are(name):
    kept = ["--experiments=pre_optimize=all"] if name == "portable" else []
    assert result_options(beam_options(SETTINGS[name], "Transform")) == kept


def test_workers_on_other_machines_cannot_work_on_copies_from_s3():
    settings = dataclasses.replace(SETTINGS["portable"], flink=CLUSTER, nodes={"Transform": BeamNodeSettings("flink")})
    with pytest.raises(ConfigError) as refused:
        check_reach(settings, "s3://bucket/reviews")
    assert len(refused.value.problems) == 2
    assert "mode portable with workers of kind process, and the pipeline's root is 's3://bucket/reviews'" in str(
        refused.value
    )
    assert "Use a root on a volume" in str(refused.value)
    check_reach(settings, "/mnt/penstock/reviews")


@pytest.mark.parametrize("name", ["in_memory", "local_parallel", "flink here", "spark here"])
def test_what_runs_on_the_nodes_machine_takes_any_root(name):
    check_reach(SETTINGS[name], "s3://bucket/reviews")


@pytest.mark.parametrize("root", ["/mnt/penstock", "s3://bucket/reviews"])
def test_dataflow_needs_a_root_that_its_workers_reach(root):
    with pytest.raises(ConfigError, match=r"Use a root gs://BUCKET/PREFIX"):
        check_reach(SETTINGS["dataflow"], root)
    check_reach(SETTINGS["dataflow"], "gs://bucket/reviews")
