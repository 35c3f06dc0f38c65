"""Lines that no reader can take for a row of reviews, and where they stand between the good ones."""

from collections.abc import Callable

from pipeline.sample_data.reviews import SCHEMA

_STAR_RATING = SCHEMA.names.index("star_rating")
_REVIEW_BODY = SCHEMA.names.index("review_body")

Damage = Callable[[list[bytes]], list[bytes]]


def _too_few_fields(fields: list[bytes]) -> list[bytes]:
    return fields[:-4]


def _too_many_fields(fields: list[bytes]) -> list[bytes]:
    return [*fields, b"one", b"more"]


def _bad_utf8(fields: list[bytes]) -> list[bytes]:
    """The body in Latin-1, as old exports have it."""
    return [*fields[:_REVIEW_BODY], "très déçu".encode("latin-1"), *fields[_REVIEW_BODY + 1 :]]


def _no_number_of_stars(fields: list[bytes]) -> list[bytes]:
    return [*fields[:_STAR_RATING], b"five", *fields[_STAR_RATING + 1 :]]


DAMAGES: tuple[Damage, ...] = (_too_few_fields, _too_many_fields, _bad_utf8, _no_number_of_stars)
"""What is wrong with broken rows 0, 1, 2, 3, and over again."""


def broken_line(number: int, delimiter: bytes) -> bytes:
    """The broken row of this number, with a line feed; its review_id is "RBROKEN" and the number."""
    fields = [
        b"US",
        b"A0000000000000",
        b"RBROKEN%07d" % number,
        b"B000000000",
        b"1",
        b"Broken",
        b"Gift Card",
        b"5",
        b"0",
        b"0",
        b"N",
        b"Y",
        b"Headline",
        b"Body",
        b"2013-01-01",
    ]
    return delimiter.join(DAMAGES[number % len(DAMAGES)](fields)) + b"\n"


def good_rows_before(number: int, rows: int, broken_rows: int) -> int:
    """How many of the good rows stand before this broken row: they are spread evenly."""
    return (number + 1) * rows // (broken_rows + 1)
