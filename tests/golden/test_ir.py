"""The sample pipeline's IR, in full beside this file: what changes here changes on every runner."""

import json
import re
from pathlib import Path

import pytest

from pipeline.config import load_config
from pipeline.planning import make_plan
from pipeline.runners.warm import WarmProcess

ROOT = Path(__file__).parents[2]


def normalise(text: str) -> str:
    """The document without what differs between checkouts and between versions of our model's code."""
    text = text.replace(str(ROOT), "/checkout")
    return re.sub(r"\b[0-9a-f]{64}\b", "<sha256>", text)


def test_the_normaliser_hides_places_and_digests_and_nothing_else():
    digest = "0123456789abcdef" * 4
    assert normalise(f'{{"a": "{ROOT}/x", "b": "{digest}", "c": "{digest[:-1]}"}}') == (
        f'{{"a": "/checkout/x", "b": "<sha256>", "c": "{digest[:-1]}"}}'
    )


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    from pipeline.runners.registry import build_document

    folder = tmp_path_factory.mktemp("golden")
    config = load_config(ROOT / "penstock.yaml")
    warm = WarmProcess(folder / "warm.log")
    return warm.call(build_document, "local", config, make_plan(config), log_path=folder / "compile.log")


def test_the_sample_compiles_to_the_reviewed_ir(document, assert_golden):
    assert_golden(normalise(document.text), Path(__file__).parent / "reviews.ir.json")


def test_every_node_waits_for_what_it_reads(document):
    nodes = [node["pipelineNode"] for node in json.loads(document.text)["nodes"]]
    seen: set[str] = set()
    for node in nodes:
        assert set(node.get("upstreamNodes", [])) <= seen, node["nodeInfo"]["id"]
        seen.add(node["nodeInfo"]["id"])


def test_nothing_is_trained_before_the_gate_has_spoken(document):
    nodes = {n["pipelineNode"]["nodeInfo"]["id"]: n["pipelineNode"] for n in json.loads(document.text)["nodes"]}
    assert "ValidationGate" in nodes["Transform"]["upstreamNodes"]
    assert "Transform" in nodes["Trainer"]["upstreamNodes"]
    assert not nodes["ValidationGate"]["executionOptions"]["cachingOptions"].get("enableCache", False)
