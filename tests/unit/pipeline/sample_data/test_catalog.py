from collections import defaultdict

import numpy as np
import pyarrow as pa

from pipeline.sample_data.catalog import catalog, customer_ids, encode_ids, review_ids
from pipeline.sample_data.options import CATEGORIES


def test_base_36_digits_agree_with_python() -> None:
    numbers = [0, 35, 36, 36**7 - 1, 123_456_789]
    ids = encode_ids("B", np.array(numbers, dtype=np.uint64), 7).to_pylist()
    assert [int(text[1:], 36) for text in ids] == numbers
    assert {len(text) for text in ids} == {8}


def test_the_largest_number_fits_into_13_digits() -> None:
    (text,) = encode_ids("R", np.array([2**64 - 1], dtype=np.uint64), 13).to_pylist()
    assert int(text[1:], 36) == 2**64 - 1


def test_no_two_products_share_an_id_and_only_variants_share_a_parent() -> None:
    known = catalog()
    titles_by_parent = defaultdict(list)
    for parent, title in zip(known.product_parent.to_pylist(), known.product_title.to_pylist(), strict=True):
        titles_by_parent[parent].append(title)
    assert len(set(known.product_id.to_pylist())) == len(known.product_id)
    assert len(set(known.product_title.to_pylist())) == len(known.product_title)
    assert len(titles_by_parent) == len(known.product_id) / 3
    for titles in titles_by_parent.values():
        assert len(titles) == 3
        assert len({title.split(" ")[0] for title in titles}) == 1
    assert min(titles_by_parent) >= 0
    assert max(titles_by_parent) < 10**9


def test_products_are_chosen_from_their_own_category_up_to_its_last() -> None:
    known = catalog()
    ends = [*known.first[1:].tolist(), len(known.product_id)]
    for category in range(len(CATEGORIES)):
        both_ends = known.choose(np.array([category, category]), np.array([0.0, 1 - 2**-53]))
        assert both_ends.tolist() == [known.first[category], ends[category] - 1]


def test_review_ids_of_different_rows_and_seeds_differ() -> None:
    ids = pa.concat_arrays([review_ids(seed, np.arange(20_000)) for seed in (0, 1, 2**32 - 1)])
    assert len(ids.unique()) == 60_000


def test_identifiers_cannot_be_taken_for_numbers() -> None:
    for text in [*customer_ids(np.arange(1000)).to_pylist(), *catalog().product_id.to_pylist()]:
        assert text[0] in "AB"
