"""Reads a file of lines while another process still adds to it."""

from pathlib import Path


class GrowingLines:
    """The lines of a file that grows, each once."""

    def __init__(self, path: Path) -> None:
        """The file need not be there yet."""
        self._path, self._offset = path, 0

    def read(self) -> list[bytes]:
        """The lines that were added since the last call; a line that is not whole yet waits for the next."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                added = file.read()
        except FileNotFoundError:
            return []
        whole = added[: added.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.splitlines()
