import pytest

from pipeline.caching.module_source import read_source

CODE = b'''"""Docstring."""
import os.path
from models.a import b, c as d
from . import sibling
from ..up import thing


def run():
    import components.late
    return "models.x.train.run_fn", "probe.py", "no module at all", 1
'''


def digest(text):
    return read_source(text.encode()).digest


def test_every_import_is_found_also_within_functions():
    imports = set(read_source(CODE).imports)
    assert imports == {
        (0, "os.path", ""),
        (0, "models.a", "b"),
        (0, "models.a", "c"),
        (1, "", "sibling"),
        (2, "up", "thing"),
        (0, "components.late", ""),
    }


def test_texts_that_could_name_code_are_found():
    assert set(read_source(CODE).texts) == {"models.x.train.run_fn", "probe.py"}


def test_what_only_a_type_checker_reads_is_left_out():
    source = read_source(b"import typing\nif typing.TYPE_CHECKING:\n    import models.a\nelse:\n    import models.b\n")
    assert {name for _, name, _ in source.imports} == {"typing", "models.b"}


@pytest.mark.parametrize(
    "same", ["x  =  1\n", "x = 1  # why\n", "\n\nx = (1)\n", "# -*- coding: utf-8 -*-\nx = 1\n", "x = 0x1"]
)
def test_comments_and_layout_do_not_count(same):
    assert digest(same) == digest("x = 1\n")


@pytest.mark.parametrize(
    "other", ["x = 2\n", "x = 1.0\n", "y = 1\n", "x = '1'\n", "x = 1\nx = 1\n", '"""Docstring."""\nx = 1\n', "x = True"]
)
def test_everything_that_code_can_see_counts(other):
    assert digest(other) != digest("x = 1\n")


@pytest.mark.parametrize(
    "content",
    [
        b"def broken(:\n",
        b"\x00\x01\x02",
        b"\xff\xfe\xfa",
        b"# coding: no-such-codec\nx = 1\n",
        b"x = '\\d'\n",
        b"x = '\\ud800'\n",
        b"(" * 5000 + b")" * 5000,
        b"x = " + b"-" * 20_000 + b"1",
        b"",
    ],
)
def test_any_bytes_have_a_digest_that_depends_on_them(content):
    one, again, other = read_source(content), read_source(content), read_source(content + b"\nx = 3\n\x00")
    assert one.digest == again.digest != other.digest
