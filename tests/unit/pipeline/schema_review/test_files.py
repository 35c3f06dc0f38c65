import os

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from pipeline.errors import ConfigError, NotFound
from pipeline.schema_review.files import (
    leading_comment,
    load_all_statistics,
    load_statistics,
    read_schema,
    split_names,
    update_schema,
    write_schema,
)

GOOD = """# Reviews.
#
#   indented

# Not part of the block.
feature { name: "stars" type: INT }
feature { name: "größe" type: BYTES domain: "sizes" }
string_domain { name: "sizes" value: "groß" }
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "schema.pbtxt"


def problems_of(path, text):
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_schema(path)
    return [problem.removeprefix(f"{path}:") for problem in caught.value.problems]


def test_a_schema_is_read_from_text(path):
    path.write_text(GOOD, encoding="utf-8")
    assert [(feature.name, feature.type) for feature in read_schema(path).feature] == [
        ("stars", schema_pb2.INT),
        ("größe", schema_pb2.BYTES),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'feature {\n  name: "a"\n  tpye: INT\n}',
            "3:3: Feature has no field 'tpye'. Did you mean 'type'?",
        ),
        (
            'feature { name: "a"\n  int_domain { mim: 3 } }',
            "2:16: IntDomain has no field 'mim'. Did you mean 'min'?",
        ),
        (
            'feature { name: "a"\n  type: BYTE }',
            "2:9: there is no value 'BYTE' here. Did you mean 'BYTES'?",
        ),
        ("{}", "1:1: not a schema in text proto form:"),
        ('feature { name: "a" ', "1:17: not a schema in text proto form:"),
    ],
)
def test_a_file_that_does_not_parse_is_refused_with_line_column_and_nearest_name(path, text, problem):
    (found,) = problems_of(path, text)
    assert found.startswith(problem)


def test_a_schema_that_parses_and_makes_no_sense_is_refused_with_every_reason(path):
    text = (
        'feature { name: "a" type: INT }\nfeature { name: "a" type: INT }\n'
        'feature { name: "b" type: BYTES\n  domain: "colors" }\nfeature { type: INT }\n'
        'string_domain { name: "colours" value: "red" }\n'
    )
    assert problems_of(path, text) == [
        " 1 features have no name.",
        "2: feature 'a' is there 2 times; keep one.",
        "4: feature 'b' names the domain 'colors', which the schema does not define. Did you mean 'colours'?",
    ]


def test_an_empty_schema_is_refused(path):
    (problem,) = problems_of(path, "# nothing\n")
    assert "no feature" in problem


def test_a_file_that_is_not_text_is_refused_with_its_name(path):
    path.write_bytes(b"feature { name: '\xff' }")
    with pytest.raises(ConfigError, match=r"not UTF-8 text \(byte 17\)"):
        read_schema(path)


def test_a_missing_file_is_refused_with_what_to_do(path):
    with pytest.raises(ConfigError, match="penstock schema infer RUN"):
        read_schema(path)


def test_a_written_schema_reads_back_with_its_leading_comment(path):
    path.write_text(GOOD, encoding="utf-8")
    schema, comment = read_schema(path), leading_comment(path)
    assert comment == "Reviews.\n\n  indented"
    write_schema(path, schema, comment)
    assert path.read_text(encoding="utf-8").startswith("# Reviews.\n#\n#   indented\n\nfeature {")
    assert "größe" in path.read_text(encoding="utf-8")
    assert read_schema(path) == schema
    assert leading_comment(path) == comment


def test_an_updated_file_keeps_what_people_wrote_around_the_blocks_that_hold_still(path):
    path.write_text(GOOD, encoding="utf-8")
    schema = read_schema(path)
    schema.string_domain[0].value.append("klein")
    update_schema(path, schema)
    assert path.read_text(encoding="utf-8").startswith(GOOD[: GOOD.index("string_domain")])
    assert read_schema(path) == schema


def test_a_file_that_must_be_written_anew_keeps_its_leading_comment(path):
    path.write_text(GOOD, encoding="utf-8")
    schema = read_schema(path)
    schema.feature.reverse()
    update_schema(path, schema)
    assert leading_comment(path) == "Reviews.\n\n  indented"
    assert read_schema(path) == schema


def test_a_schema_without_a_header_has_no_comment(path):
    schema = text_format.Parse('feature { name: "a" type: INT }', schema_pb2.Schema())
    write_schema(path, schema)
    assert leading_comment(path) == ""
    assert path.read_text(encoding="utf-8").startswith("feature {")


def test_a_write_that_fails_leaves_the_old_file_and_no_other(path, monkeypatch):
    path.write_text(GOOD, encoding="utf-8")

    def fail(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_schema(path, read_schema(path), "new")
    assert path.read_text(encoding="utf-8") == GOOD
    assert os.listdir(path.parent) == [path.name]


def test_a_rewritten_file_keeps_its_permissions_and_a_new_one_is_readable_by_all(path, tmp_path):
    path.write_text(GOOD, encoding="utf-8")
    path.chmod(0o640)
    write_schema(path, read_schema(path))
    write_schema(tmp_path / "new" / "schema.pbtxt", read_schema(path))
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "new" / "schema.pbtxt").stat().st_mode & 0o777 == 0o644


def write_statistics(folder, split, rows):
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    statistics.datasets.add(num_examples=rows)
    (folder / f"Split-{split}").mkdir()
    (folder / f"Split-{split}" / "FeatureStats.pb").write_bytes(statistics.SerializeToString())


def test_the_statistics_of_every_split_are_loaded_train_first(tmp_path):
    for split, rows in (("eval", 20), ("train", 80), ("test", 10)):
        write_statistics(tmp_path, split, rows)
    loaded = load_all_statistics(str(tmp_path))
    assert [(split, found.datasets[0].num_examples) for split, found in loaded.items()] == [
        ("train", 80),
        ("eval", 20),
        ("test", 10),
    ]
    assert split_names(str(tmp_path)) == ["train", "eval", "test"]


def test_missing_statistics_are_refused_with_the_nearest_split(tmp_path):
    write_statistics(tmp_path, "train", 1)
    with pytest.raises(NotFound, match=r"split 'trian'\. Did you mean 'train'"):
        load_statistics(str(tmp_path), "trian")
    with pytest.raises(NotFound, match="holds no statistics"):
        load_all_statistics(str(tmp_path / "elsewhere"))


def test_statistics_that_are_damaged_are_refused(tmp_path):
    write_statistics(tmp_path, "train", 1)
    (tmp_path / "Split-train" / "FeatureStats.pb").write_bytes(b"\x0a\xff")
    with pytest.raises(NotFound, match=r"not the statistics of a split \(2 bytes\)"):
        load_statistics(str(tmp_path), "train")
