import shutil

import pytest

from pipeline.errors import ConfigError
from pipeline.images.content import VARIANTS, read_content

BASE = f"python:3.11-slim-bookworm@sha256:{'ab' * 32}"
LOCKS = tuple(f"requirements{kind}.lock" for kind in ("", "-aws", "-gpu", "-lambda", "-serving"))

CHECKED_WITH = ("components/__init__.py", "components/model_digest.py")


@pytest.fixture
def checkout(tmp_path):
    """The smallest thing that an image can be built from."""
    for folder in ("schemas", "models", "components", "pipeline", "serving", "deploy"):
        (tmp_path / folder).mkdir()
    for name in (*LOCKS, "deploy/Dockerfile", "pipeline/a.py", "serving/b.py", *CHECKED_WITH):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_same_files_give_the_same_tag_wherever_they_lie(checkout, tmp_path_factory):
    elsewhere = shutil.copytree(checkout, tmp_path_factory.mktemp("elsewhere") / "it")
    for variant in VARIANTS:
        assert read_content(checkout, variant, BASE) == read_content(elsewhere, variant, BASE)


def test_variants_have_tags_of_their_own(checkout):
    tags = [read_content(checkout, variant, BASE).tag for variant in VARIANTS]
    assert len(set(tags)) == 4
    assert [tag.partition("-")[0] for tag in tags] == list(VARIANTS)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("requirements.lock", {"cpu", "gpu"}),
        ("requirements-gpu.lock", {"gpu"}),
        ("requirements-lambda.lock", {"lambda"}),
        ("pipeline/a.py", {"cpu", "gpu"}),
        ("requirements-serving.lock", {"serving"}),
        ("serving/b.py", {"lambda", "serving"}),
        ("components/model_digest.py", {"cpu", "gpu", "serving"}),
        ("deploy/Dockerfile", {"cpu", "gpu", "serving", "lambda"}),
        ("deploy/base-image.txt", set()),
        ("README.md", set()),
        ("pipeline/__pycache__/a.pyc", set()),
    ],
)
def test_tag_changes_with_what_is_in_the_image_and_with_nothing_else(checkout, name, changed):
    before = {variant: read_content(checkout, variant, BASE).tag for variant in VARIANTS}
    (checkout / name).parent.mkdir(exist_ok=True)
    (checkout / name).write_text("other")
    assert {variant for variant in VARIANTS if read_content(checkout, variant, BASE).tag != before[variant]} == changed


def test_tag_changes_where_a_file_is_renamed_or_its_end_becomes_the_next_ones_beginning(checkout):
    before = read_content(checkout, "cpu", BASE).tag
    (checkout / "pipeline" / "a.py").rename(checkout / "pipeline" / "b.py")
    renamed = read_content(checkout, "cpu", BASE).tag
    (checkout / "pipeline" / "c.py").write_text("")
    assert len({before, renamed, read_content(checkout, "cpu", BASE).tag}) == 3


def test_tag_changes_with_the_base_image(checkout):
    other = BASE.replace("ab", "cd")
    assert read_content(checkout, "cpu", BASE).tag != read_content(checkout, "cpu", other).tag


def test_what_is_missing_or_not_pinned_is_told_together(checkout):
    (checkout / "requirements-gpu.lock").unlink()
    with pytest.raises(ConfigError) as caught:
        read_content(checkout, "gpu", "python:3.11-slim")
    assert len(caught.value.problems) == 2
    assert "by digest" in caught.value.problems[0]
    assert "requirements-gpu.lock" in caught.value.problems[1]
