"""What Transform learnt and made: vocabularies with their sizes, and the transformed features with their shapes."""

import dataclasses
import gzip
import itertools
from pathlib import Path

from pipeline.errors import NotFound
from pipeline.readers.documents import read_bytes
from pipeline.readers.schema import load_schema

SHOWN_TERMS = 20
_ASSETS = "transform_fn/assets"
_PREFIX = "vocabulary_"


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """One vocabulary file.

    Attributes:
      name: the file's name.
      size: number of terms.
      first_terms: the first twenty, most frequent first.
    """

    name: str
    size: int
    first_terms: tuple[str, ...]

    @property
    def feature(self) -> str:
        """What it is the vocabulary of, going by its name."""
        return self.name.removeprefix(_PREFIX)


@dataclasses.dataclass(frozen=True)
class TransformedFeature:
    """One feature after Transform.

    Attributes:
      type: INT, FLOAT or BYTES.
      shape: of one row; None = of varying length.
    """

    name: str
    type: str
    shape: tuple[int, ...] | None


@dataclasses.dataclass(frozen=True)
class TransformGraph:
    """One TransformGraph artifact; both parts sorted by name."""

    vocabularies: tuple[Vocabulary, ...]
    features: tuple[TransformedFeature, ...]


def read_transform(folder: Path) -> TransformGraph:
    """The vocabularies and features of a TransformGraph artifact.

    Raises:
      NotFound: they are not there, or cannot be read.
    """
    schema = load_schema(folder / "transformed_metadata" / "schema.pbtxt")
    features = [
        TransformedFeature(
            name=feature.name,
            type=type(feature).DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[feature.type].name,
            shape=tuple(int(dim.size) for dim in feature.shape.dim) if feature.HasField("shape") else None,
        )
        for feature in schema.feature
    ]
    assets = sorted(path for path in (folder / _ASSETS).glob("*") if path.is_file())
    return TransformGraph(tuple(map(read_vocabulary, assets)), tuple(sorted(features, key=lambda item: item.name)))


def read_vocabulary(path: Path) -> Vocabulary:
    """One vocabulary, one term a line.

    Raises:
      NotFound: it cannot be read.
    """
    content = read_bytes(path)
    try:
        content = gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError) as error:
        raise NotFound(f"{path}: damaged, not a gzip file ({error}).") from error
    lines = content.split(b"\n")
    lines = lines[:-1] if lines[-1] == b"" else lines
    first = tuple(line.decode("utf-8", "backslashreplace") for line in itertools.islice(lines, SHOWN_TERMS))
    return Vocabulary(path.name, len(lines), first)
