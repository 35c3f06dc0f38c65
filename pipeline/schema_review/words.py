"""The terms of a schema in words, short enough for a line on the terminal."""

import math
from collections.abc import Sequence
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.feature_planning.schema_rules import domain_of

Interval = tuple[float, float]

_MAX_VALUES_SHOWN = 8


def interval_words(interval: Interval) -> str:
    """A closed interval of numbers, infinite where it has no limit."""
    low, high = interval
    if math.isinf(low):
        return "any" if math.isinf(high) else f"{_number(high)} or less"
    if math.isinf(high):
        return f"{_number(low)} or more"
    return f"exactly {_number(low)}" if low == high else f"{_number(low)} to {_number(high)}"


def presence_words(fraction: float, count: float) -> str:
    """How often a feature must have a value: the least share of the rows, and the least number of rows."""
    if fraction == 1:
        share = "in every row"
    else:
        share = f"in at least {fraction:.2%} of the rows" if fraction else "may be missing"
    return share if count <= 1 else f"{share}, in at least {count:,.0f} rows"


def values_words(values: Sequence[str]) -> str:
    """A list of strings, shortened."""
    shown = ", ".join(f"'{value}'" for value in values[:_MAX_VALUES_SHOWN])
    more = f" and {len(values) - _MAX_VALUES_SHOWN} more" if len(values) > _MAX_VALUES_SHOWN else ""
    return f"{len(values)} values: {shown}{more}"


def domain_words(domain: Any) -> str:
    """What values a domain allows."""
    if domain is None:
        return "any value"
    if isinstance(domain, schema_pb2.StringDomain):
        return values_words(list(domain.value))
    return " ".join([type(domain).__name__, one_line(domain)]).strip()


def feature_words(schema: schema_pb2.Schema, feature: schema_pb2.Feature) -> str:
    """The main terms of a feature's contract."""
    presence = presence_words(feature.presence.min_fraction, float(feature.presence.min_count))
    return f"{schema_pb2.FeatureType.Name(feature.type)}, {domain_words(domain_of(schema, feature))}, {presence}"


def field_words(feature: schema_pb2.Feature, field: str) -> str:
    """One field of a feature as text proto."""
    only = schema_pb2.Feature()
    only.CopyFrom(feature)
    for other in schema_pb2.Feature.DESCRIPTOR.fields:
        if other.name != field:
            only.ClearField(other.name)
    return one_line(only) or f"no {field}"


def one_line(message: Any) -> str:
    """The message as text proto on one line."""
    return text_format.MessageToString(message, as_one_line=True, as_utf8=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() else f"{value:g}"
