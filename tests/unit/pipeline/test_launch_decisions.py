"""What is told to an orchestrator, without running anything."""

import json

import pytest

from pipeline.launch.decisions import behind, write_decisions


def ir_text(edges):
    nodes = [{"pipelineNode": {"nodeInfo": {"id": name}, "upstreamNodes": above}} for name, above in edges.items()]
    return json.dumps({"nodes": nodes})


def test_behind_a_node_is_everything_that_waits_for_it_directly_or_not():
    text = ir_text({"A": [], "B": ["A"], "C": [], "D": ["B", "C"], "E": ["C"]})
    assert behind(text, "A") == {"B", "D"}
    assert behind(text, "C") == {"D", "E"}
    assert behind(text, "D") == set()


def test_decisions_are_one_json_object_written_whole(tmp_path):
    folder = tmp_path / "processing" / "decisions"
    for answers in ({"Report": "skip"}, {"Report": "run", "ModelApproval": "approved"}):
        write_decisions(answers, str(folder))
        assert json.loads((folder / "decision.json").read_text()) == answers
    assert [path.name for path in folder.iterdir()] == ["decision.json"]


@pytest.mark.parametrize("folder", ["s3://bucket/decisions/run", "s3://bucket/decisions/run/"])
def test_decisions_may_go_to_s3(monkeypatch, folder):
    written = {}
    monkeypatch.setattr("pipeline.storage.write_text", lambda uri, text: written.update({uri: text}))
    write_decisions({"Report": "run"}, folder)
    assert written == {"s3://bucket/decisions/run/decision.json": '{"Report": "run"}\n'}
