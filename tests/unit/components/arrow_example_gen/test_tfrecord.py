"""TFRecord framing, against the published layout and check values."""

import io

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arrow_example_gen.tfrecord import DamagedRecords, frame, masked_crc32c, read_records

# TFRecordWriter of TensorFlow 2.21 wrote this for the single record b"abc".
ABC = bytes.fromhex("0300000000000000b099490e6162636e57f121")


def test_the_checksum_is_crc_32c():
    assert google_crc32c.value(b"123456789") == 0xE3069283  # the check value of CRC-32C in RFC 3720


def test_the_framing_is_tensorflows():
    assert frame([b"abc"]) == ABC
    assert masked_crc32c(b"abc") == int.from_bytes(ABC[-4:], "little")


@given(records=st.lists(st.binary(max_size=50)))
def test_records_survive_framing(records):
    assert list(read_records(io.BytesIO(frame(records)))) == records


@given(data=st.data(), records=st.lists(st.binary(min_size=1, max_size=20), min_size=1))
def test_any_flipped_bit_and_any_cut_is_noticed(data, records):
    framed = bytearray(frame(records))
    position = data.draw(st.integers(0, len(framed) - 1))
    ends = {len(frame(records[:n])) for n in range(len(records) + 1)}
    if position not in ends:
        with pytest.raises(DamagedRecords):
            list(read_records(io.BytesIO(framed[:position])))
    framed[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DamagedRecords):
        list(read_records(io.BytesIO(framed)))
