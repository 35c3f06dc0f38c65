import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sample_data.randomness import (
    TABLE_SIZE,
    Purpose,
    Stream,
    choose,
    lookup_table,
    scramble,
    zipf_probabilities,
)


def test_streams_of_one_seed_block_and_purpose_agree_and_all_others_differ() -> None:
    def first(seed: int, block: int, purpose: Purpose) -> list[int]:
        return Stream(seed, block, purpose).uint16s(8).tolist()

    reference = first(1, 2, Purpose.BODY)
    assert first(1, 2, Purpose.BODY) == reference
    others = [first(2, 2, Purpose.BODY), first(1, 3, Purpose.BODY), first(1, 2, Purpose.HEADLINE)]
    assert reference not in others


def test_uniforms_are_the_53_high_bits_of_the_generator_that_numpy_promises_to_keep() -> None:
    bits = np.random.PCG64(np.random.SeedSequence(7, spawn_key=(3, int(Purpose.DATE))))
    expected = [(int(bits.random_raw()) >> 11) / 2**53 for _ in range(5)]
    assert Stream(7, 3, Purpose.DATE).uniforms(5).tolist() == expected


def test_16_bit_numbers_are_the_quarters_of_the_raw_ones_lowest_first() -> None:
    raw = int(np.random.PCG64(np.random.SeedSequence(7, spawn_key=(0, int(Purpose.BODY)))).random_raw())
    expected = [raw >> shift & 0xFFFF for shift in (0, 16, 32)]
    assert Stream(7, 0, Purpose.BODY).uint16s(3).tolist() == expected


def test_scramble_agrees_with_the_published_splitmix64() -> None:
    # The first outputs for seed 0, as in the reference implementation's test vectors.
    numbers = np.array([1, 2, 3], dtype=np.uint64)
    assert scramble(numbers).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@pytest.mark.parametrize(("uniform", "expected"), [(0.0, 0), (0.24, 0), (0.25, 1), (0.74, 1), (0.75, 2), (0.999, 2)])
def test_choose_inverts_the_distribution(uniform: float, expected: int) -> None:
    assert choose(np.array([uniform]), np.array([0.25, 0.5, 0.25])).tolist() == [expected]


def test_choose_takes_a_distribution_for_each_row() -> None:
    assert choose(np.array([0.6, 0.6]), np.array([[0.5, 0.5], [0.7, 0.3]])).tolist() == [1, 0]


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=8), st.floats(0, 1, exclude_max=True))
def test_choose_never_leaves_the_choices(weights: list[float], uniform: float) -> None:
    probabilities = np.array(weights) / sum(weights)
    assert 0 <= choose(np.array([uniform]), probabilities)[0] < len(weights)


def test_a_lookup_table_holds_each_value_as_often_as_its_probability_says() -> None:
    table = lookup_table(np.array([5, 6, 7], dtype=np.uint16), np.array([0.5, 0.25, 0.25]))
    assert np.bincount(table)[5:].tolist() == [TABLE_SIZE // 2, TABLE_SIZE // 4, TABLE_SIZE // 4]


def test_zipf_probabilities_fall_with_the_rank() -> None:
    # 1/2 : 1/3 : 1/4 = 6 : 4 : 3
    assert zipf_probabilities(3, offset=1) == pytest.approx([6 / 13, 4 / 13, 3 / 13])
