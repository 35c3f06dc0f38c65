import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.errors import NotFound
from pipeline.readers.schema import read_schema, schema_rows

TEXT = """
  default_environment: "TRAINING"
  default_environment: "SERVING"
  feature { name: "stars" type: INT presence { min_fraction: 1.0 min_count: 1 } value_count { min: 1 max: 1 }
            int_domain { min: 1 max: 5 is_categorical: true } not_in_environment: "SERVING"
            annotation { tag: "penstock.kind=multiclass" comment: "what we predict" } }
  feature { name: "category" type: BYTES presence { min_fraction: 0.25 } domain: "categories"
            value_count { min: 0 max: 0 } }
  feature { name: "vector" type: FLOAT shape { dim { size: 2 } dim { size: 3 } } lifecycle_stage: DEPRECATED
            drift_comparator { jensen_shannon_divergence { threshold: 0.5 } } }
  feature { name: "one" type: INT shape { } unique_constraints { min: 1 max: 3 } }
  feature { name: "nested" type: INT value_counts { value_count { min: 1 max: 2 } value_count { min: 3 } } }
  string_domain { name: "categories" value: "Games" value: "<b>Cards</b>" }
"""


@pytest.fixture(scope="module")
def rows():
    return schema_rows(text_format.Parse(TEXT, schema_pb2.Schema()))


def test_a_feature_is_told_in_words(rows):
    stars = rows.feature("stars")
    assert (stars.type, stars.presence, stars.is_required, stars.valency) == ("INT", "in every row", True, "exactly 1")
    assert stars.domain == "IntDomain min: 1 max: 5 is_categorical: true"
    assert stars.notes == ("not in SERVING", "tag penstock.kind=multiclass", "what we predict")
    assert rows.environments == ("TRAINING", "SERVING")


def test_a_domain_of_strings_is_given_whole(rows):
    category = rows.feature("category")
    assert category.values == ("Games", "<b>Cards</b>")
    assert category.presence == "in at least 25.00% of the rows"
    assert not category.is_required
    assert category.valency == "0 or more"


def test_shapes_and_comparators_are_told(rows):
    vector = rows.feature("vector")
    assert vector.valency == "shape 2 x 3"
    assert vector.notes[0] == "lifecycle: deprecated"
    assert vector.notes[1].startswith("drift_comparator: jensen_shannon_divergence")
    assert rows.feature("one").valency == "exactly 1"
    assert rows.feature("one").notes == ("distinct values: 1 to 3",)
    assert rows.feature("nested").valency == "1 to 2, then 3 or more"


def test_a_feature_that_is_not_there_is_none(rows):
    assert rows.feature("absent") is None


def test_a_damaged_schema_is_named(tmp_path):
    with pytest.raises(NotFound, match=r"schema\.pbtxt: cannot be read"):
        read_schema(tmp_path)
    (tmp_path / "schema.pbtxt").write_text("feature { nmae: ")
    with pytest.raises(NotFound, match=r"schema\.pbtxt: damaged, not a schema"):
        read_schema(tmp_path)
