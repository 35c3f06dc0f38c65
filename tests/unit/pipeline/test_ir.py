import hashlib
import json

from models.tabular_text.features import DType, FeatureSpec, Label, LabelKind
from pipeline import ir

SPEC = FeatureSpec(Label("stars", LabelKind.MULTICLASS, DType.INT64), ())


def document(*nodes):
    return json.dumps({"nodes": [{"pipelineNode": node} for node in nodes]})


def transform():
    custom_config = json.dumps({"features": SPEC.to_json()})
    parameters = {"custom_config": {"fieldValue": {"stringValue": custom_config}}}
    return {"nodeInfo": {"id": "Transform"}, "parameters": {"parameters": parameters}}


def test_nodes_come_in_the_order_of_the_document():
    assert ir.node_ids(document({"nodeInfo": {"id": "B"}}, {"nodeInfo": {"id": "A"}})) == ("B", "A")


def test_the_plan_of_a_run_is_read_back_from_its_document():
    assert ir.feature_spec(document({"nodeInfo": {"id": "A"}}, transform())) == SPEC


def test_a_pipeline_without_transform_has_no_plan():
    assert ir.feature_spec(document({"nodeInfo": {"id": "A"}})) is None


def test_the_digest_is_sha_256_of_the_text():
    assert ir.digest("é") == hashlib.sha256("é".encode()).hexdigest()
