import math

import pyarrow as pa
import pytest

from components.data_quality_gate.columns import DoesNotFit, readable
from components.data_quality_gate.expression import ExpressionError, parse

BATCH = readable(
    pa.record_batch(
        {
            "helpful": pa.array([1, 5, None, 0], pa.int64()),
            "total": pa.array([2, 4, 3, 0], pa.int64()),
            "price": pa.array([0.1, 2.5, math.nan, None], pa.float32()),
            "vine": pa.array([b"Y", b"N", None, "ü".encode()], pa.large_binary()),
            "odd name": pa.array([1, 2, 3, 4], pa.int64()),
            "nothing": pa.nulls(4),
        }
    )
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("helpful <= total", [True, False, None, True]),
        ("total - helpful >= 0 and total < 4", [True, False, None, True]),
        ("helpful > 0 or total == 3", [True, True, True, False]),
        ("not helpful > total", [True, False, None, True]),
        ("0 < helpful <= 2", [True, False, None, False]),
        ("helpful / total > 0.6", [False, True, None, None]),
        ("helpful * 2 == total", [True, False, None, True]),
        ("-helpful < -2", [False, True, None, False]),
        ("price == 0.1", [True, False, None, None]),
        ("0.1 >= price", [True, False, None, None]),
        ("price in (0.1, 3)", [True, False, None, None]),
        ("is_missing(price)", [False, False, True, True]),
        ("vine == 'Y'", [True, False, None, False]),
        ("vine in ('Y', 'N')", [True, True, None, False]),
        ("vine not in ('Y', 'N')", [False, False, None, True]),
        ("length(vine) == 1 and lower(vine) == 'y'", [True, False, None, False]),
        ("abs(helpful - total) == 1", [True, True, None, False]),
        ("col('odd name') > 2", [False, False, True, True]),
        ("helpful in (1, 5)", [True, True, None, False]),
        ("helpful in (1.0, 4.5)", [True, False, None, False]),
    ],
)
def test_expressions_mean_what_they_say_and_missing_values_are_neither_true_nor_false(text, expected):
    assert parse(text).holds(BATCH).to_pylist() == expected


@pytest.mark.parametrize("name", ["nothing", "absent"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{} > 1", None),
        ("length({}) > 1", None),
        ("{} + 1 == 2", None),
        ("-{} / 2 < 1", None),
        ("{} in (1, 2)", None),
        ("not {} == 'x'", None),
        ("is_missing({})", True),
        ("{} > 1 or total >= 0", True),
        ("{} > 1 and total < 0", False),
    ],
)
def test_a_column_without_any_value_is_missing_in_every_row(text, expected, name):
    assert parse(text.format(name)).holds(BATCH).to_pylist() == [expected] * 4


def test_it_knows_the_columns_that_it_reads():
    assert parse("a > b and col('c d') in (1, 2) or is_missing(a)").columns == ("a", "b", "c d")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a >", "not understood: invalid syntax"),
        (
            "class > 1",
            'at character 1: invalid syntax. A column whose name is no plain word is written col("its name")',
        ),
        ("a.b > 1", "'a.b' is not understood (character 1)"),
        ("a[0] > 1", "is not understood"),
        ("__import__('os') == a", "is not understood"),
        ("a is None", "use == and != in place of `is`"),
        ("a in b", "`in` needs values in brackets"),
        ("a in (b, 1)", "`in` needs values in brackets"),
        ("a == None", "'None' is not understood"),
        ("a == 9223372036854775808", "is not understood"),
        ("lambda: a", "is not understood"),
        ("a ** 2 > 1", "is not understood"),
        ("1 < 2", "reads no column"),
        ("length(a, b) > 1", "is not understood"),
    ],
)
def test_what_is_no_expression_is_told_with_its_place(text, complaint):
    with pytest.raises(ExpressionError) as refused:
        parse(text)
    assert complaint in str(refused.value)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "vine > 1",
        "helpful + 1",
        "helpful and total > 1",
        "length(helpful) > 1",
        "vine + 1 == 2",
        "helpful in ('a', 'b')",
        "helpful * 9223372036854775807 > 1",
    ],
)
def test_what_does_not_fit_the_columns_is_told_with_the_part(text):
    with pytest.raises(DoesNotFit):
        parse(text).holds(BATCH)
