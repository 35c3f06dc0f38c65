import pytest

from components.arrow_example_gen.source_files import at_span
from components.errors import BadData
from pipeline.errors import ConfigError
from pipeline.reviewing.span_files import check_has_span, next_span, staged, targets


def tree(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("span-{SPAN}/a.csv", "span-9/a.csv", "span-10/a.csv"),
        ("span-{SPAN}/a.csv", "span-09/a.csv", "span-10/a.csv"),
        ("span-{SPAN:4}/*.csv", "span-0009/part-1.csv", "span-0010/part-1.csv"),
        ("a-{SPAN}.tsv", "a-2.tsv", "a-10.tsv"),
        ("s{SPAN}/v{VERSION}/x", "s2/v7/x", "s10/v7/x"),
    ],
)
def test_a_file_of_the_new_span_is_named_like_the_old_one(pattern, path, expected):
    assert at_span(pattern, path, 10) == expected


def test_a_pattern_without_span_has_no_other_one():
    with pytest.raises(BadData, match=r"needs a \{SPAN\}"):
        at_span("*.csv", "a.csv", 2)


def test_the_new_span_follows_the_latest(tmp_path):
    tree(tmp_path, "span-2/a.csv", "span-10/a.csv")
    assert next_span(str(tmp_path), "span-{SPAN}/a.csv", None) == 11
    assert next_span(str(tmp_path), "span-{SPAN}/a.csv", 20) == 20
    with pytest.raises(ConfigError, match="the latest span is 10"):
        next_span(str(tmp_path), "span-{SPAN}/a.csv", 10)


def test_nothing_is_ever_overwritten(tmp_path):
    tree(tmp_path, "a-1.csv", "a-3.csv")
    with pytest.raises(ConfigError, match=r"a-3\.csv: is there already"):
        targets(str(tmp_path), "a-{SPAN}.csv", [str(tmp_path / "a-1.csv")], 3)


@pytest.mark.parametrize(
    ("path", "said"), [("/d/reviews.tsv", "/d/reviews-{SPAN}.tsv"), ("/d/{YYYY}-{MM}-{DD}/x.tsv", "by date")]
)
def test_a_path_without_a_place_for_spans_is_told_what_to_do(path, said):
    with pytest.raises(ConfigError, match="--output FILE") as refused:
        check_has_span(path)
    assert said in str(refused.value)
    check_has_span("/d/span-{SPAN:3}/x.tsv")


def write(path):
    with open(path, "w") as file:
        file.write("new")


def left(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("finals", [["span-2/a.csv", "span-2/deep/b.csv"], ["a-2.csv", "b-2.csv"], ["x/y/z.csv"]])
def test_files_are_put_in_place_when_all_are_written(tmp_path, finals):
    paths = [str(tmp_path / name) for name in finals]
    with staged(paths) as places:
        for place in places.values():
            write(place)
        assert not any((tmp_path / name).exists() for name in finals)
    assert left(tmp_path) == sorted(finals)


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(FileNotFoundError), staged([str(tmp_path / "span-2" / "a.csv")]):
        (tmp_path / "none").read_text()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_appears_meanwhile_is_kept_and_the_others_are_taken_back(tmp_path):
    paths = [str(tmp_path / name) for name in ("a-2.csv", "b-2.csv")]

    def publish():
        with staged(paths) as places:
            for place in places.values():
                write(place)
            (tmp_path / "b-2.csv").write_text("somebody's")

    with pytest.raises(ConfigError, match="No file was published"):
        publish()
    assert left(tmp_path) == ["b-2.csv"]
    assert (tmp_path / "b-2.csv").read_text() == "somebody's"
