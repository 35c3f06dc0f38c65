"""An IR as one word of a command line: short ones need no place that both sides can reach."""

import base64
import binascii
import zlib

PREFIX = "packed:"


def pack(ir_text: str) -> str:
    """The word: the IR deflated, in base64. The same IR gives the same word."""
    return PREFIX + base64.urlsafe_b64encode(zlib.compress(ir_text.encode(), 9)).decode()


def unpack(word: str) -> str:
    """The IR in a word that begins with `PREFIX`.

    Raises:
      ValueError: nothing can be unpacked from it.
    """
    try:
        return zlib.decompress(base64.urlsafe_b64decode(word.removeprefix(PREFIX))).decode()
    except (binascii.Error, zlib.error, UnicodeDecodeError) as error:
        raise ValueError(f"{word[:20]}… is damaged ({error})") from error
