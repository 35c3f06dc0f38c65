import gzip

import pytest

from pipeline.errors import NotFound
from pipeline.readers.transform import TransformedFeature, read_transform, read_vocabulary

SCHEMA = """
  feature { name: "text_xf" type: INT shape { dim { size: 64 } } }
  feature { name: "age_xf" type: FLOAT shape { dim { size: 1 } } }
  feature { name: "tags_xf" type: BYTES }
  feature { name: "label_xf" type: INT shape { } }
"""


@pytest.fixture
def graph(tmp_path):
    (tmp_path / "transformed_metadata").mkdir()
    (tmp_path / "transformed_metadata" / "schema.pbtxt").write_text(SCHEMA)
    (tmp_path / "transform_fn" / "assets").mkdir(parents=True)
    return tmp_path


def test_vocabularies_have_their_sizes_and_first_terms(graph):
    terms = [f"t{i}" for i in range(25)]
    (graph / "transform_fn" / "assets" / "vocabulary_text").write_text("\n".join(terms) + "\n")
    (vocabulary,) = read_transform(graph).vocabularies
    assert (vocabulary.name, vocabulary.feature, vocabulary.size) == ("vocabulary_text", "text", 25)
    assert vocabulary.first_terms == tuple(terms[:20])


def test_features_have_types_and_shapes(graph):
    assert read_transform(graph).features == (
        TransformedFeature("age_xf", "FLOAT", (1,)),
        TransformedFeature("label_xf", "INT", ()),
        TransformedFeature("tags_xf", "BYTES", None),
        TransformedFeature("text_xf", "INT", (64,)),
    )


@pytest.mark.parametrize(("content", "size"), [(b"", 0), (b"a\n\nb\n", 3), (b"a\nb", 2), (b"a\r\n", 1), (b"\xff\n", 1)])
def test_terms_are_lines_whatever_they_hold(tmp_path, content, size):
    (tmp_path / "v").write_bytes(content)
    assert read_vocabulary(tmp_path / "v").size == size


def test_a_zipped_vocabulary_is_read_too(tmp_path):
    (tmp_path / "v.gz").write_bytes(gzip.compress("屋\n地\n".encode()))
    assert read_vocabulary(tmp_path / "v.gz").first_terms == ("屋", "地")
    (tmp_path / "v.gz").write_bytes(b"no gzip")
    with pytest.raises(NotFound, match="not a gzip file"):
        read_vocabulary(tmp_path / "v.gz")


def test_a_graph_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NotFound, match=r"transformed_metadata/schema\.pbtxt"):
        read_transform(tmp_path)
