"""A column of a batch as what is counted and sampled of it: values, words, numbers, days. Pure."""

import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.data_quality_gate.columns import is_text
from components.distribution_validator.distances import Floats


def split_words(texts: pa.Array) -> tuple[pa.DictionaryArray, npt.NDArray[np.int64]]:
    """The words of each text as the model splits them, one text after the other, and the number of words of each.

    Lower-case runs of letters, digits and apostrophes; symbols, and characters of scripts without spaces, are words of
    their own (models/tabular_text/preprocessing.py says the same in TensorFlow; a test compares the two; only a
    small İ and a last Σ are written otherwise there).
    """
    pieces, lengths = _pieces(_spaced_bytes(pc.utf8_lower(texts.cast(pa.large_string()))))
    pieces = pieces.dictionary_encode()
    # Characters beyond ASCII are looked at once for each distinct piece that has any: patterns are slow.
    distinct = pieces.dictionary
    is_beyond = pc.invert(pc.string_is_ascii(distinct))
    words, counts = _pieces(pc.replace_with_mask(distinct, is_beyond, _spaced(distinct.filter(is_beyond))))
    words = words.dictionary_encode()
    chosen = pieces.indices.to_numpy(zero_copy_only=False)
    places = _ranges((np.cumsum(counts) - counts)[chosen], counts[chosen])
    codes = words.indices.to_numpy(zero_copy_only=False)[places]
    parents = np.repeat(np.arange(len(lengths)), lengths)
    return (
        pa.DictionaryArray.from_arrays(pa.array(codes), words.dictionary),
        np.bincount(np.repeat(parents, counts[chosen]), minlength=len(lengths)),
    )


def _pieces(texts: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """What stands between the spaces of each text, one text after the other, and how many there are in each."""
    split = pc.ascii_split_whitespace(texts)
    pieces, lengths = pc.list_flatten(split), pc.list_value_length(split).to_numpy(zero_copy_only=False)
    # Spaces at the ends are split into empty pieces.
    is_there = pc.not_equal(pieces, "").to_numpy(zero_copy_only=False)
    parents = np.repeat(np.arange(len(lengths)), lengths)
    return pieces.filter(pa.array(is_there)), np.bincount(parents[is_there], minlength=len(lengths))


def _ranges(starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """start, start + 1, … of each range, one range after the other."""
    before = np.cumsum(lengths) - lengths
    return np.asarray(np.repeat(starts - before, lengths) + np.arange(lengths.sum()))


def _spaced(texts: pa.Array) -> pa.Array:
    """Lower-case texts with their words between spaces."""
    texts = pc.replace_substring_regex(texts, r"[^\p{L}\p{M}\p{N}\p{So}']+", " ")
    return pc.replace_substring_regex(texts, r"([\p{So}\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}])", r" \1 ")


_SEPARATORS = [byte for byte in range(0x80) if not chr(byte).isalnum() and chr(byte) != "'"]
_SPACED = np.arange(256, dtype=np.uint8)
_SPACED[_SEPARATORS] = ord(" ")


def _spaced_bytes(texts: pa.Array) -> pa.Array:
    """The texts with a space in place of each ASCII character that is part of no word."""
    texts = pa.concat_arrays([texts])
    _, offsets, data = texts.buffers()
    if data is None or texts.offset:
        return _spaced(texts)
    return pa.LargeStringArray.from_buffers(len(texts), offsets, pa.py_buffer(_SPACED[np.frombuffer(data, np.uint8)]))


def texts_by_word(words: pa.DictionaryArray, lengths: npt.NDArray[np.int64]) -> dict[str, int]:
    """In how many texts each word occurs, given the words as `split_words` gives them."""
    names = words.dictionary.to_pylist()
    parents = np.repeat(np.arange(len(lengths)), lengths)
    pairs = np.unique(parents * max(len(names), 1) + words.indices.to_numpy(zero_copy_only=False))
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
