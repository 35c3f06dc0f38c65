import types
from pathlib import Path

import pytest

from pipeline.errors import NotFound
from pipeline.fetched_runs import ReportedLineage
from pipeline.kubeflow_task import node_view
from pipeline.kubeflow_task.node_view import MOST_BYTES, elsewhere_of
from pipeline.metadata import Snapshot
from pipeline.storage.errors import StorageError


@pytest.fixture
def bring(tmp_path, monkeypatch):
    """How artifacts are read, whatever size they have on S3; `brought` names those that were fetched."""
    brought = []

    def of(size, error=None):
        def manifest(uri):
            if error is not None:
                raise error
            return types.SimpleNamespace(size=size)

        monkeypatch.setattr(node_view, "read_manifest", manifest)
        monkeypatch.setattr(node_view, "bring", lambda uri, folder: brought.append(uri) or folder / "model")
        return elsewhere_of("s3://b/p", ReportedLineage(Snapshot({}, {}, ())), tmp_path).bring

    of.brought = brought
    return of


def test_what_the_node_put_on_s3_is_fetched_again_up_to_a_size(bring, tmp_path):
    assert bring(MOST_BYTES)("s3://b/p/model/1") == tmp_path / "model"
    with pytest.raises(NotFound, match=r"s3://b/p/model/2: 67 MB, more than a card reads\. The run's report shows it"):
        bring(MOST_BYTES + 1)("s3://b/p/model/2")
    assert bring.brought == ["s3://b/p/model/1"]


def test_what_is_on_a_volume_is_read_where_it_is(bring):
    assert bring(0)("/mnt/data/model/1") == Path("/mnt/data/model/1")
    assert bring.brought == []


def test_where_s3_does_not_answer_a_card_can_say_so(bring):
    with pytest.raises(NotFound, match="S3 refused"):
        bring(0, StorageError("S3 refused"))("s3://b/p/model/1")
