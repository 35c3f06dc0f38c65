"""Bytes are cut into whole records, by the rules of arrow's CSV parser, whatever the block size."""

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from components.arrow_example_gen.record_blocks import EndlessRecord, line_breaks, read_blocks, record_ends

HOSTILE = st.lists(st.sampled_from(["a", '"', '""', ",", "\n", "\r\n", "\r", "ü", "\t", '"a,\n"'])).map("".join)


def records_by_hand(text: str, *, quoted: bool) -> list[str] | None:
    """The records, by a state machine that looks at one character after the other; None if a quote never closes."""
    records, record, state, i = [], "", "field start", 0
    while i < len(text):
        character = text[i]
        record += character
        if state == "quoted":
            if character == '"' and text[i + 1 : i + 2] == '"':
                record += '"'
                i += 1
            elif character == '"':
                state = "plain"
        elif character == '"' and state == "field start" and quoted:
            state = "quoted"
        elif character in "\r\n":
            if text[i : i + 2] == "\r\n":
                record += "\n"
                i += 1
            records.append(record)
            record, state = "", "field start"
        else:
            state = "field start" if character == "," else "plain"
        i += 1
    if state == "quoted":
        return None
    return [*records, *([record] if record else [])]


def read(text: str, block_bytes: int, *, quoted: bool) -> list[tuple[int, str]]:
    stream = io.BytesIO(text.encode())
    return [
        (block.line(i), block.record(i).decode())
        for block in read_blocks(stream, delimiter=",", quoted=quoted, block_bytes=block_bytes)
        for i in range(len(block.ends))
    ]


def line_numbers(records: list[str]) -> list[int]:
    """Where each record begins, counting line breaks by Python's own universal newlines."""
    before = ["".join(records[:i]) for i in range(len(records))]
    return [1 + len(io.StringIO(text, newline=None).read().split("\n")) - 1 for text in before]


@given(text=HOSTILE, block_bytes=st.integers(1, 30), quoted=st.booleans())
@example(text='"a""b",c\n', block_bytes=3, quoted=True)
@example(text='5" a,b\n"c",d\n', block_bytes=4, quoted=True)
@example(text="a\r\nb\rc", block_bytes=2, quoted=True)
def test_records_and_their_lines_do_not_depend_on_the_block_size(text, block_bytes, quoted):
    expected = records_by_hand(text, quoted=quoted)
    if expected is None:
        with pytest.raises(EndlessRecord):
            read(text, block_bytes, quoted=quoted)
    else:
        assert read(text, block_bytes, quoted=quoted) == list(zip(line_numbers(expected), expected, strict=True))


@given(text=HOSTILE)
def test_the_end_of_a_buffer_is_not_taken_for_the_end_of_a_record(text):
    """Whatever follows, records that were called whole stay as they are."""
    data = text.encode()
    ends = record_ends(data, line_breaks(data, at_end=False), delimiter=",", quoted=True, at_end=False)
    for continuation in (b"\n", b'"', b"x\n", b'"\n'):
        more = data + continuation
        longer = record_ends(more, line_breaks(more, at_end=True), delimiter=",", quoted=True, at_end=True)
        assert list(longer[: len(ends)]) == list(ends)


def test_an_unclosed_quote_is_reported_with_the_line_it_begins_on():
    with pytest.raises(EndlessRecord) as caught:
        read('a,b\n"x\ny",1\n"oops,2\n3,4\n', 5, quoted=True)
    assert caught.value.line == 4


def test_blank_lines_are_no_rows():
    (block,) = read_blocks(io.BytesIO(b"a\n\n\r\nb\n"), delimiter=",", quoted=True)
    assert [block.record(int(i)) for i in block.filled()] == [b"a\n", b"b\n"]
