from pathlib import Path

from pipeline.cli.compile import files_of
from pipeline.runners.base import Document

REST = Document("sagemaker", "reviews-continue", "{}", (), {}, "{}")
DOCUMENT = Document("sagemaker", "reviews", "{}", (), {}, "{}", REST)


def test_what_goes_on_after_an_approval_lies_beside_the_document(tmp_path):
    output = tmp_path / "pipeline.json"
    assert files_of(output, DOCUMENT) == {output: DOCUMENT, tmp_path / "pipeline-continue.json": REST}
    output.write_text("{}")
    assert len(files_of(output, DOCUMENT)) == 2


def test_nothing_is_written_beside_a_device():
    null = Path("/dev/null")
    assert files_of(null, DOCUMENT) == {null: DOCUMENT}
