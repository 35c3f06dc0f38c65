import pytest
from absl import flags

from pipeline.launch.beam_batches import batch_by_bytes

FLAG = "tfxio_use_byte_size_batching"


@pytest.fixture
def batch_util():
    from tfx_bsl.coders import batch_util

    was = flags.FLAGS[FLAG].default
    yield batch_util
    flags.FLAGS.set_default(FLAG, was)


def test_the_size_of_batches_is_no_matter_of_time(batch_util):
    assert "target_batch_duration_secs" in batch_util.GetBatchElementsKwargs(None)
    batch_by_bytes()
    chosen = batch_util.GetBatchElementsKwargs(None)
    assert set(chosen) == {"min_batch_size", "max_batch_size", "element_size_fn"}
    assert chosen["min_batch_size"] == chosen["max_batch_size"] == 20 * 2**20
    assert chosen["element_size_fn"](b"short") * 8192 == 20 * 2**20  # so 8,192 short rows fill a batch


def test_a_size_that_is_asked_for_stays(batch_util):
    batch_by_bytes()
    assert batch_util.GetBatchElementsKwargs(7) == {"min_batch_size": 7, "max_batch_size": 7}
