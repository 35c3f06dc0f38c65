import pytest

from pipeline.planning import split_input_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/reviews.tsv", ("/data", "reviews.tsv")),
        ("/reviews.tsv", ("/", "reviews.tsv")),
        ("/data/span-{SPAN}/part-*.csv", ("/data", "span-{SPAN}/part-*.csv")),
        ("/data/{YYYY}-{MM}-{DD}/v{VERSION}/x.csv", ("/data", "{YYYY}-{MM}-{DD}/v{VERSION}/x.csv")),
        ("s3://bucket/folder/reviews.parquet", ("s3://bucket/folder", "reviews.parquet")),
        ("s3://bucket/span-{SPAN}/*", ("s3://bucket", "span-{SPAN}/*")),
    ],
)
def test_the_data_path_becomes_a_folder_and_a_pattern(path, expected):
    assert split_input_path(path) == expected


def test_a_folder_means_every_file_in_it(tmp_path):
    assert split_input_path(str(tmp_path)) == (str(tmp_path), "*")
