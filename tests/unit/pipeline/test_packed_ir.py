import pytest
from branching_ir import BRANCHING

from pipeline.errors import ConfigError
from pipeline.launch.arguments import read_ir
from pipeline.launch.packed_ir import pack, unpack


def test_an_ir_comes_out_of_its_word_as_it_went_in_and_is_shorter_in_it():
    assert unpack(pack(BRANCHING)) == read_ir(pack(BRANCHING)) == BRANCHING
    assert pack(BRANCHING) == pack(BRANCHING)
    assert len(pack(BRANCHING)) < len(BRANCHING) / 2


@pytest.mark.parametrize("word", ["packed:", "packed:???", "packed:AAAA", pack(BRANCHING)[:-9]])
def test_a_damaged_word_is_told(word):
    with pytest.raises(ConfigError, match=r"is damaged .* Compile the pipeline again"):
        read_ir(word)
