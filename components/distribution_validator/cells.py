"""A column of a batch as what is counted and sampled of it: values, words, numbers, days. Pure."""

import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.data_quality_gate.columns import is_text
from components.distribution_validator.distances import Floats


def split_words(texts: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """The words of each text as the model splits them, one text after the other, and the number of words of each.

    Lower-case runs of letters, digits and apostrophes; symbols, and characters of scripts without spaces, are words of
    their own (models/tabular_text/preprocessing.py says the same in TensorFlow; a test compares the two).
    """
    texts = texts.cast(pa.large_string())
    plain = bool(pc.all(pc.string_is_ascii(texts)).as_py()) if len(texts) else True
    texts = pc.utf8_lower(texts)
    texts = pc.replace_substring_regex(texts, r"[^\p{L}\p{M}\p{N}\p{So}']+", " ")
    if not plain:
        texts = pc.replace_substring_regex(texts, r"([\p{So}\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}])", r" \1 ")
    split = pc.split_pattern_regex(pc.utf8_trim_whitespace(texts), r" +")
    words = pc.list_flatten(split)
    lengths = pc.list_value_length(split).to_numpy(zero_copy_only=False).astype(np.int64)
    # A text without any word is split into one empty one.
    wordless = pc.equal(words, "").to_numpy(zero_copy_only=False)
    parents = np.repeat(np.arange(len(lengths)), lengths)
    return words.filter(pa.array(~wordless)), np.bincount(parents[~wordless], minlength=len(lengths))


def texts_by_word(words: pa.Array, lengths: npt.NDArray[np.int64]) -> dict[str, int]:
    """In how many texts each word occurs."""
    encoded = words.dictionary_encode()
    names = encoded.dictionary.to_pylist()
    parents = np.repeat(np.arange(len(lengths)), lengths)
    pairs = np.unique(parents * max(len(names), 1) + encoded.indices.to_numpy(zero_copy_only=False))
    counts = np.bincount(pairs % max(len(names), 1), minlength=len(names))
    return dict(zip(names, counts.tolist(), strict=True))


def rows_by_value(values: pa.Array) -> dict[str, int]:
    counts = pc.value_counts(values)
    return dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))


def finite_numbers(values: pa.Array) -> Floats:
    """The finite numbers; texts that are none are left out."""
    if is_text(values):
        values = pa.array([_number(text) for text in values.to_pylist()], pa.float64())
    found: Floats = pc.drop_null(values.cast(pa.float64())).to_numpy(zero_copy_only=False)
    return np.asarray(found[np.isfinite(found)])


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def days_since_1970(values: pa.Array) -> Floats:
    """Days since 1970 of ISO 8601 dates; what is no date is left out."""
    texts = pc.utf8_slice_codeunits(values.cast(pa.large_string()), 0, 10)
    days = {text: _day(text) for text in pc.unique(texts).to_pylist()}
    found = np.array([days[text] for text in texts.to_pylist()], np.float64)
    return np.asarray(found[np.isfinite(found)])


def _day(text: str) -> float:
    try:
        return float((datetime.date.fromisoformat(text) - datetime.date(1970, 1, 1)).days)
    except ValueError:
        return np.nan
