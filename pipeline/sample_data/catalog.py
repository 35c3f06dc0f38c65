"""Products and identifiers: the same for every seed, and consistent with each other.

A product belongs to one category. The variants of a product (such as two amounts of one gift card) share a
product_parent and the first words of their titles.
"""

import dataclasses
import functools

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.sample_data.options import CATEGORIES
from pipeline.sample_data.randomness import Floats, Ints, scramble, zipf_probabilities

N_VARIANTS = 3

_BRANDS = (
    "Acorn", "Blue Heron", "Café Noir", "Delta & Sons", 'Eight "O" Eight', "Fjällräven Digital", "Granite",
    "Hoppípolla", "Iron Kettle", "任地屋", "Juniper", "Kingfisher", "Lantern", "Maple/Oak", "Nimbus", "O'Neil",
)  # fmt: skip
_NOUNS = {
    "Gift Card": (
        "Gift Card", "Birthday Gift Card", "Thank You Gift Card", "Christmas eGift Card", "Gift Card in a Box",
    ),
    "Digital_Video_Games": (
        "Racing", "Dungeon Story", "Space Trader 2", "Football 13", "Puzzle Garden", "Rogue's Tale", "City Builder",
        "Pinball", "Zombie Farm", "Chess Master", "Sky Patrol", "Word Duel", "Tycoon", "Arena", "Snowboard",
    ),
    "Digital_Software": (
        "Tax 2013", "Antivirus", "Photo Studio", "Office Suite", "Backup", "PDF Editor", "Video Maker",
        "Language Course", "Genealogy", "Home Design 3D",
    ),
    "Mobile_Apps": ("Weather", "To-Do", "Keyboard", "Fitness"),
}  # fmt: skip
_VARIANTS = {
    "Gift Card": ("$10", "$25 (E-mail)", "$50 - Print at Home"),
    "Digital_Video_Games": ("[Online Game Code]", "[Download]", '"Deluxe" Edition [Download]'),
    "Digital_Software": ("[Download]", "[Online Code], 1 Year", "3 PCs, 1 Year [Download]"),
    "Mobile_Apps": ("Free", "Pro", "Pro — Ad-free"),
}
_ZIPF_OFFSET = 5.0
_DIGITS = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)
_LONG_ID_DIGITS = 13  # 36**13 > 2**64: different numbers have different digits
_SHORT_ID_DIGITS = 7


@dataclasses.dataclass(frozen=True)
class Catalog:
    """All products, category after category, the most reviewed first.

    Attributes:
      product_id: string [n], unique.
      product_parent: int64 [n], under 10**9, the same for the variants of a product.
      product_title: string [n].
      first: int64 [categories], index of each category's first product.
      popularity: P(product | category), one float64 array for each category.
    """

    product_id: pa.StringArray
    product_parent: pa.Int64Array
    product_title: pa.StringArray
    first: Ints
    popularity: tuple[Floats, ...]

    def choose(self, categories: Ints, uniforms: Floats) -> Ints:
        """Index of a product of each row's category, int64 [n]; `uniforms` is float64 [n] in [0, 1)."""
        chosen = np.empty(len(categories), dtype=np.int64)
        for category, popularity in enumerate(self.popularity):
            mine = categories == category
            within = np.searchsorted(np.cumsum(popularity)[:-1], uniforms[mine], side="right")
            chosen[mine] = self.first[category] + within
        return chosen


@functools.cache
def catalog() -> Catalog:
    """The one catalogue."""
    titles = [_titles(category) for category in CATEGORIES]
    sizes = [len(group) for group in titles]
    numbers = np.arange(sum(sizes), dtype=np.uint64)
    # Cut to size, different numbers may meet: the tests check that no two of this fixed catalogue do.
    parents = scramble(numbers // np.uint64(N_VARIANTS) + np.uint64(2**40)) % np.uint64(10**9)
    return Catalog(
        product_id=encode_ids("B00", scramble(numbers) % np.uint64(36**_SHORT_ID_DIGITS), _SHORT_ID_DIGITS),
        product_parent=pa.array(parents.astype(np.int64)),
        product_title=pa.array([title for group in titles for title in group], pa.string()),
        first=np.cumsum([0, *sizes[:-1]]),
        popularity=tuple(zipf_probabilities(size, _ZIPF_OFFSET) for size in sizes),
    )


def _titles(category: str) -> list[str]:
    return [
        f"{brand} {noun} {variant}" for noun in _NOUNS[category] for brand in _BRANDS for variant in _VARIANTS[category]
    ]


def customer_ids(customers: Ints) -> pa.StringArray:
    """A text such as "A2K8QWJX01ZR7M" for each customer's number, string [n]; different numbers, different texts.

    Letters first, so that no reader takes the identifier for a number.
    """
    return encode_ids("A", scramble(customers.astype(np.uint64)), _LONG_ID_DIGITS)


def review_ids(seed: int, rows: Ints) -> pa.StringArray:
    """A text such as "R1F0N7YQ3TB5WX" for each row's number, string [n]; unique over rows and seeds below 2**32."""
    return encode_ids("R", scramble(np.uint64(seed << 32) | rows.astype(np.uint64)), _LONG_ID_DIGITS)


def encode_ids(prefix: str, numbers: npt.NDArray[np.uint64], n_digits: int) -> pa.StringArray:
    """The prefix and the last `n_digits` base-36 digits of each number, string [n]."""
    width = len(prefix) + n_digits
    characters = np.empty((len(numbers), width), dtype=np.uint8)
    characters[:, : len(prefix)] = np.frombuffer(prefix.encode("ascii"), dtype=np.uint8)
    rest = numbers
    for column in range(width - 1, len(prefix) - 1, -1):
        rest, digits = np.divmod(rest, np.uint64(36))
        characters[:, column] = _DIGITS[digits]
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * np.int32(width)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(characters))
