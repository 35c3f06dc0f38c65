"""How columns are used when there is a curated schema: by the schema alone, no data is read.

    BYTES   string_domain / bool_domain        categorical
            natural_language_domain            text
            time_domain with %Y-%m-%d…         date
            none                               ignored, an identifier
    INT     int_domain { is_categorical }      categorical; so is a bool_domain
            otherwise                          numeric
    FLOAT                                      numeric
    a domain of one value, several values a row, other media     ignored

What these words cannot say, a tag says: `annotation { tag: "penstock.kind=ignored" }` (a `FeatureKind`, or for the
label a `LabelKind`). Deprecated, disabled, planned and debug features are not part of the examples.
"""

import functools
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from models.tabular_text.features import DType, Feature, FeatureKind, Label, LabelKind
from pipeline.feature_planning.column_source import PlanError, nearest, type_objection

KIND_TAG = "penstock.kind="
"""An annotation tag that starts so says how the column is used, over all rules."""

_DTYPES = {schema_pb2.BYTES: DType.STRING, schema_pb2.INT: DType.INT64, schema_pb2.FLOAT: DType.FLOAT32}
# As in tfx_bsl, which leaves features in these stages out of what it parses.
_ABSENT_STAGES = frozenset(
    {
        schema_pb2.DEPRECATED,
        schema_pb2.DISABLED,
        schema_pb2.PLANNED,
        schema_pb2.ALPHA,
        schema_pb2.DEBUG_ONLY,
    }
)
_ISO_DATE_FORMAT = "%Y-%m-%d"

_Verdict = tuple[FeatureKind, str]


class SchemaColumns:
    """The columns of a curated schema: a `ColumnSource`."""

    called = "the schema"

    def __init__(self, schema: schema_pb2.Schema, vocabulary: int) -> None:
        self._schema = schema
        self._vocabulary = vocabulary
        self._active = {feature.name: feature for feature in schema.feature if is_active(feature)}

    @functools.cached_property
    def features(self) -> tuple[Feature, ...]:
        """Every feature of the schema that examples hold and whose type a tf.Example can carry."""
        return tuple(
            feature_of(self._schema, feature, self._vocabulary)
            for feature in self._active.values()
            if feature.type in _DTYPES
        )

    def objection(self, name: str, kind: FeatureKind) -> str | None:
        """Why the feature's type rules this kind out, if it does."""
        wrong_type = type_objection(_DTYPES[self._active[name].type], kind)
        return None if wrong_type is None else f"{wrong_type}; its type is set in the schema"

    def label(self, name: str, kind: LabelKind | None) -> Label:
        """The label by its type and domain; raises PlanError."""
        return label_of(self._schema, self._active[name], kind)

    def problems(self) -> list[str]:
        """Features of no usable type, and tags that mean nothing or ask for what a type cannot give."""
        found = [
            f"The schema's feature '{name}' has type {schema_pb2.FeatureType.Name(feature.type)}; "
            "make it BYTES, INT or FLOAT, or remove it."
            for name, feature in self._active.items()
            if feature.type not in _DTYPES
        ]
        return found + [problem for feature in self._active.values() for problem in _tag_problems(feature)]

    def notes(self, label: str) -> list[str]:
        """Whether the schema lets rows be without the label, which training cannot use."""
        if is_required(self._active[label]):
            return []
        return [
            f"The schema lets the label '{label}' be missing; such rows count as bad rows (data.on_bad_rows), so "
            "presence { min_fraction: 1 } would be the truth."
        ]


def feature_of(schema: schema_pb2.Schema, feature: schema_pb2.Feature, vocabulary: int) -> Feature:
    """The feature, used as its tag or else its type and domain say; its type must be BYTES, INT or FLOAT.

    The cardinality of integers is the width of their range, unless that is more than `vocabulary`: codes that far
    apart leave gaps, so their number is not known.
    """
    domain = domain_of(schema, feature)
    rule = {DType.STRING: _string_rule, DType.INT64: _int_rule, DType.FLOAT32: _float_rule}[_DTYPES[feature.type]]
    tag = kind_tag(feature)
    kind, reason = _useless_rule(feature, domain) or rule(domain)
    if tag in set(FeatureKind):
        kind, reason = FeatureKind(tag), f"tag {KIND_TAG}{tag} in the schema"
    count = value_count(domain)
    return Feature(
        name=feature.name,
        kind=kind,
        dtype=_DTYPES[feature.type],
        required=is_required(feature),
        cardinality=count if count is not None and count <= vocabulary else None,
        reason=reason,
    )


def _useless_rule(feature: schema_pb2.Feature, domain: Any) -> _Verdict | None:
    if feature.value_count.max > 1 or any(dimension.size > 1 for dimension in feature.shape.dim):
        return FeatureKind.IGNORED, "several values a row, the model takes one"
    if value_count(domain) == 1:
        return FeatureKind.IGNORED, "a domain of one value"
    return None


def _string_rule(domain: Any) -> _Verdict:
    if isinstance(domain, schema_pb2.StringDomain | schema_pb2.BoolDomain):
        return FeatureKind.CATEGORICAL, f"a domain of {value_count(domain):,} strings"
    if isinstance(domain, schema_pb2.NaturalLanguageDomain):
        return FeatureKind.TEXT, "natural_language_domain"
    if isinstance(domain, schema_pb2.TimeDomain):
        if domain.string_format.startswith(_ISO_DATE_FORMAT):
            return FeatureKind.DATE, f"time_domain {domain.string_format}"
        return FeatureKind.IGNORED, f"time_domain without the string_format {_ISO_DATE_FORMAT}"
    if domain is None or isinstance(domain, schema_pb2.IntDomain):  # TFDV's word for strings of digits only
        return FeatureKind.IGNORED, "identifier: BYTES without a domain (features.kinds can say categorical or text)"
    return FeatureKind.IGNORED, f"{type(domain).__name__} is not used by this model"


def _int_rule(domain: Any) -> _Verdict:
    if isinstance(domain, schema_pb2.BoolDomain):
        return FeatureKind.CATEGORICAL, "bool_domain"
    if isinstance(domain, schema_pb2.IntDomain) and domain.is_categorical:
        return FeatureKind.CATEGORICAL, f"categorical int_domain{_range(domain)}"
    return FeatureKind.NUMERIC, "INT that is not marked categorical"


def _float_rule(domain: Any) -> _Verdict:
    del domain  # a float is a number whatever its range
    return FeatureKind.NUMERIC, "FLOAT"


def label_of(schema: schema_pb2.Schema, feature: schema_pb2.Feature, kind: LabelKind | None) -> Label:
    """The label, of the given kind, or as its tag or else its type and domain say.

    Raises:
      PlanError: if the schema does not say enough, or forbids this kind.
    """
    domain, dtype = domain_of(schema, feature), _DTYPES[feature.type]
    if value_count(domain) == 1:
        raise PlanError([f"The schema allows the label '{feature.name}' one value: there is nothing to learn."])
    tag = kind_tag(feature)
    given = kind or (LabelKind(tag) if tag in set(LabelKind) else None)
    if given is None:
        found, reason = _label_rule(feature.name, dtype, domain)
        return Label(feature.name, found, dtype, reason)
    said_by = "label.kind" if kind else f"the schema's tag {KIND_TAG}{tag}"
    if (problem := label_objection(dtype, domain, given)) is not None:
        raise PlanError([f"The label '{feature.name}' cannot be {given} ({said_by}): {problem}."])
    return Label(feature.name, given, dtype, f"set by {said_by}")


def _label_rule(name: str, dtype: DType, domain: Any) -> tuple[LabelKind, str]:
    count = value_count(domain)
    classes = LabelKind.BINARY if count == 2 else LabelKind.MULTICLASS
    if dtype is DType.STRING:
        if count is None:
            raise PlanError(
                [
                    f"The schema gives the label '{name}' (BYTES) no string_domain, as for an identifier or a text. "
                    "List its classes there, set label.kind, or name another label.column."
                ]
            )
        return classes, f"a domain of {count:,} strings"
    if dtype is DType.INT64 and (getattr(domain, "is_categorical", False) or count == 2):
        return classes, f"integer classes{_range(domain)}"
    return LabelKind.REGRESSION, "FLOAT" if dtype is DType.FLOAT32 else "INT that is not marked categorical"


def label_objection(dtype: DType, domain: Any, kind: LabelKind) -> str | None:
    """Why the schema rules this kind of label out, if it does; the width of a range of integers is no evidence."""
    if kind is LabelKind.REGRESSION:
        return "it is BYTES, which is no number to predict" if dtype is DType.STRING else None
    if kind is LabelKind.BINARY and isinstance(domain, schema_pb2.StringDomain) and len(domain.value) != 2:
        return f"the schema allows it {len(domain.value):,} values, not two"
    return None


def _tag_problems(feature: schema_pb2.Feature) -> list[str]:
    tag = kind_tag(feature)
    if tag is None or tag in set(LabelKind) or feature.type not in _DTYPES:
        return []
    where = f"The schema's feature '{feature.name}' has the tag '{KIND_TAG}{tag}'"
    if tag not in set(FeatureKind):
        return [f"{where}, which is no kind.{nearest(tag, [*FeatureKind, *LabelKind])}"]
    objection = type_objection(_DTYPES[feature.type], FeatureKind(tag))
    return [] if objection is None else [f"{where}, but it {objection}."]


def kind_tag(feature: schema_pb2.Feature) -> str | None:
    """What the feature's tag says about its use, or None without one."""
    return next((tag.removeprefix(KIND_TAG) for tag in feature.annotation.tag if tag.startswith(KIND_TAG)), None)


def is_active(feature: schema_pb2.Feature) -> bool:
    """True if examples hold the feature at this stage of its life."""
    return not feature.deprecated and feature.lifecycle_stage not in _ABSENT_STAGES


def is_required(feature: schema_pb2.Feature) -> bool:
    """True if the schema promises a value in every row."""
    return bool(feature.presence.min_fraction == 1)


def dtype_of(feature: schema_pb2.Feature) -> DType | None:
    """The type of its values in a tf.Example; None for types that none can carry."""
    return _DTYPES.get(feature.type)


def domain_of(schema: schema_pb2.Schema, feature: schema_pb2.Feature) -> Any:
    """The domain message of a feature, its own or the schema's that it names; None without one."""
    which = feature.WhichOneof("domain_info")
    if which != "domain":
        return getattr(feature, which) if which else None
    shared = [*schema.string_domain, *schema.int_domain, *schema.float_domain]
    return next((domain for domain in shared if domain.name == feature.domain), None)


def value_count(domain: Any) -> int | None:
    """How many values a domain allows, None if it does not say."""
    if isinstance(domain, schema_pb2.StringDomain):
        return len(domain.value)
    if isinstance(domain, schema_pb2.BoolDomain):
        return 2
    if isinstance(domain, schema_pb2.IntDomain) and domain.HasField("min") and domain.HasField("max"):
        return int(domain.max - domain.min + 1)
    return None


def _range(domain: Any) -> str:
    if isinstance(domain, schema_pb2.IntDomain) and domain.HasField("min") and domain.HasField("max"):
        return f" {domain.min} to {domain.max}"
    return ""
