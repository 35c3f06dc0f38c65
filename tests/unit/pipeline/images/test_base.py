import pytest

from pipeline.errors import ConfigError
from pipeline.images.base import BASE_FILE, base_parts, read_base

DIGEST = f"sha256:{'ab' * 32}"


@pytest.fixture
def written(tmp_path):
    """Writes the file of a checkout, and reads what it pins."""

    def write(text):
        (tmp_path / BASE_FILE).parent.mkdir(exist_ok=True)
        (tmp_path / BASE_FILE).write_text(text)
        return read_base(tmp_path)

    return write


def test_the_one_line_that_is_no_comment_is_the_base(written):
    base = written(f"# why\n\npython:3.11-slim-bookworm@{DIGEST}\n")
    assert base_parts(base) == ("python:3.11-slim-bookworm", DIGEST)


@pytest.mark.parametrize(
    "digest", ["", "@", "@sha256:ab", f"@{DIGEST.upper()}", f"@{DIGEST} --push", f"@md5:{'ab' * 32}"]
)
def test_base_without_a_digest_is_refused_with_the_command_that_looks_it_up(written, digest):
    with pytest.raises(ConfigError, match=r"imagetools inspect --format '\{\{.Manifest.Digest\}\}' python:3.11-slim"):
        written(f"python:3.11-slim{digest}\n")


@pytest.mark.parametrize("text", ["", "# only words\n", f"a@{DIGEST}\nb@{DIGEST}\n"])
def test_file_that_names_none_or_two_is_refused(written, text):
    with pytest.raises(ConfigError, match="expected one line"):
        written(text)


def test_checkout_without_the_file_is_told(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        read_base(tmp_path)
