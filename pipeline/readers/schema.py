"""The data's schema as rows of plain words, from a Schema artifact's text proto."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.errors import NotFound
from pipeline.feature_planning.schema_rules import domain_of
from pipeline.readers.documents import read_text
from pipeline.schema_review.words import domain_words, interval_words, one_line, presence_words

SCHEMA_FILE = "schema.pbtxt"


@dataclasses.dataclass(frozen=True)
class SchemaFeature:
    """What the schema promises about one feature.

    Attributes:
      name: the column.
      type: BYTES, INT, FLOAT or STRUCT.
      presence: how often it has a value, in words.
      is_required: True if every row must have it.
      valency: how many values a row has, in words.
      domain: which values it may have, in words.
      values: the domain's strings, in its order; empty if it is no list of strings.
      notes: where the promise holds, and all else that the schema says, one phrase each.
      definition: the feature as text proto, on one line.
    """

    name: str
    type: str
    presence: str
    is_required: bool
    valency: str
    domain: str
    values: tuple[str, ...]
    notes: tuple[str, ...]
    definition: str


@dataclasses.dataclass(frozen=True)
class Schema:
    """The features in the schema's order, and the environments it tells apart."""

    features: tuple[SchemaFeature, ...]
    environments: tuple[str, ...]

    def feature(self, name: str) -> SchemaFeature | None:
        """The feature of that name, None if the schema does not have it."""
        return next((feature for feature in self.features if feature.name == name), None)


def read_schema(folder: Path) -> Schema:
    """The schema in a Schema artifact.

    Raises:
      NotFound: there is none, or it cannot be read.
    """
    return schema_rows(load_schema(folder / SCHEMA_FILE))


def load_schema(path: Path) -> schema_pb2.Schema:
    """The schema in a text proto file.

    Raises:
      NotFound: there is none, or it cannot be read.
    """
    text = read_text(path)
    try:
        return text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise NotFound(f"{path}: damaged, not a schema in text proto form ({error}).") from error


def schema_rows(schema: schema_pb2.Schema) -> Schema:
    """The schema from its proto."""
    return Schema(tuple(_row(schema, feature) for feature in schema.feature), tuple(schema.default_environment))


def _row(schema: schema_pb2.Schema, feature: schema_pb2.Feature) -> SchemaFeature:
    domain = domain_of(schema, feature)
    return SchemaFeature(
        name=feature.name,
        type=schema_pb2.FeatureType.Name(feature.type),
        presence=presence_words(feature.presence.min_fraction, float(feature.presence.min_count)),
        is_required=feature.presence.min_fraction == 1,
        valency=_valency(feature),
        domain=domain_words(domain),
        values=tuple(domain.value) if isinstance(domain, schema_pb2.StringDomain) else (),
        notes=tuple(_notes(feature)),
        definition=one_line(feature),
    )


def _valency(feature: schema_pb2.Feature) -> str:
    """How many values a row has; a shape gives one number per dimension."""
    if feature.HasField("shape"):
        sizes = " x ".join(str(dim.size) if dim.HasField("size") else "any" for dim in feature.shape.dim)
        return f"shape {sizes}" if sizes else "exactly 1"
    if feature.HasField("value_counts"):
        return ", then ".join(_count_words(count) for count in feature.value_counts.value_count)
    return _count_words(feature.value_count)


def _count_words(count: schema_pb2.ValueCount) -> str:
    return interval_words((float(count.min), float(count.max) if count.max else math.inf))


def _notes(feature: schema_pb2.Feature) -> Iterator[str]:
    if feature.in_environment:
        yield f"only in {', '.join(feature.in_environment)}"
    if feature.not_in_environment:
        yield f"not in {', '.join(feature.not_in_environment)}"
    if feature.lifecycle_stage not in (schema_pb2.UNKNOWN_STAGE, schema_pb2.PRODUCTION):
        yield f"lifecycle: {schema_pb2.LifecycleStage.Name(feature.lifecycle_stage).lower()}"
    if feature.HasField("unique_constraints"):
        unique = feature.unique_constraints
        yield f"distinct values: {interval_words((float(unique.min), float(unique.max) if unique.max else math.inf))}"
    for name in ("drift_comparator", "skew_comparator"):
        if feature.HasField(name):
            yield f"{name}: {one_line(getattr(feature, name))}"
    yield from (f"tag {tag}" for tag in feature.annotation.tag)
    yield from feature.annotation.comment
