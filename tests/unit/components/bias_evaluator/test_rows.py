import pyarrow as pa
import pytest

from components.bias_evaluator.rows import Positive, facet_of, positive_of, predicted_positive
from components.bias_evaluator.settings import BiasSettings, Facet
from models.tabular_text.features import DType, Label, LabelKind


def label(kind, dtype=DType.INT64):
    return Label("y", kind, dtype)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([3, 4, None, 5]), (4, 5)),
        (pa.array([3, 4, None, 5]), ("4", 5.0)),
        (pa.array([3.0, 4.0, None, 5.0], pa.float32()), (4, 5)),
        (pa.array([b"3", b"4", None, b"5"], pa.large_binary()), (4, "5")),
        (pa.array([0.3, 0.1, None, 0.7], pa.float32()), (0.1, 0.7)),
    ],
)
def test_values_are_found_as_numbers_and_as_text_and_nothing_stays_nothing(column, values):
    assert Positive(values).of(column).to_pylist() == [False, True, None, True]


def test_a_text_that_is_no_number_is_compared_as_it_stands():
    column = pa.array([b"yes", b"Yes", b"\xff", None], pa.large_binary())
    assert Positive(("yes",)).of(column).to_pylist() == [True, False, False, None]


def test_of_a_number_what_is_greater_is_positive():
    assert Positive(above=2.0).of(pa.array([2, 3, None])).to_pylist() == [False, True, None]


def test_the_likeliest_class_decides_whether_an_answer_is_positive():
    scores = pa.chunked_array([[[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], [[0.2, 0.5, 0.3]]])
    found = predicted_positive(scores, Positive((4, 5)), ("3", "4", "5"))
    assert found.to_pylist() == [False, True, True]


def test_a_single_score_is_the_probability_of_the_second_class():
    scores = pa.chunked_array([[[0.4], [0.6]]])
    assert predicted_positive(scores, Positive(("no",)), ("no", "yes")).to_pylist() == [True, False]


def test_a_predicted_number_is_positive_above_the_bound():
    assert predicted_positive(pa.chunked_array([[[9.0], [11.0]]]), Positive(above=10.0), ()).to_pylist() == [
        False,
        True,
    ]


def test_of_two_classes_the_second_is_positive_unless_said_otherwise():
    settings = BiasSettings(facets=(Facet("x"),))
    assert positive_of(settings, label(LabelKind.BINARY), ("no", "yes")) == Positive(("yes",))
    chosen = BiasSettings(facets=(Facet("x"),), positive_values=("no",))
    assert positive_of(chosen, label(LabelKind.BINARY), ("no", "yes")) == Positive(("no",))
    number = BiasSettings(facets=(Facet("x"),), positive_above=3.0)
    assert positive_of(number, label(LabelKind.REGRESSION), ()) == Positive(above=3.0)


@pytest.mark.parametrize(
    ("values", "classes", "words"),
    [
        ((), ("1", "2", "3"), "3 classes"),
        ((6,), ("1", "5"), "no class 6. Its classes are 1, 5"),
        ((6,), (), "not said"),
    ],
)
def test_a_positive_value_that_is_no_class_is_named(values, classes, words):
    settings = BiasSettings(facets=(Facet("x"),), positive_values=values)
    with pytest.raises(ValueError, match=r"bias\.positive_values") as error:
        positive_of(settings, label(LabelKind.MULTICLASS), classes)
    assert words in str(error.value)


def test_facets_are_one_or_several_values_a_bound_or_each_value():
    texts = pa.array([b"x", b"y", None, b"z"], pa.large_binary())
    assert facet_of(texts, Facet("c", ("x", "z"))).to_pylist() == ["d", "a", None, "d"]
    assert facet_of(texts, Facet("c")).to_pylist() == ["x", "y", None, "z"]
    assert facet_of(pa.array([40, 41, None]), Facet("c", above=40.0)).to_pylist() == ["a", "d", None]


def test_a_bound_on_texts_is_a_mistake_in_words():
    with pytest.raises(ValueError, match="ab"):
        facet_of(pa.array([b"ab"], pa.large_binary()), Facet("c", above=40.0))
