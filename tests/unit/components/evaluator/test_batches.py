import pyarrow as pa

from components.evaluator.batches import MAX_ROWS, pieces


def test_rows_keep_their_order_in_pieces_of_their_own():
    values = [[number] if number % 3 else None for number in range(2 * MAX_ROWS + 500)]
    batch = pa.record_batch([pa.array(values)], names=["stars"])
    found = list(pieces(batch))
    assert [piece.num_rows for piece in found] == [MAX_ROWS, MAX_ROWS, 500]
    assert [value for piece in found for value in piece["stars"].to_pylist()] == values
    assert all(piece["stars"].offset == 0 for piece in found)


def test_a_batch_that_is_small_stays_one():
    batch = pa.record_batch([pa.array([1, 2])], names=["stars"])
    assert [piece.to_pydict() for piece in pieces(batch)] == [{"stars": [1, 2]}]
