"""Schemas from the statistics of a run: a first one, or a reviewed one changed as little as the data asks for.

TensorFlow Data Validation does the inference and is imported where it is called; what the plan knows and TFDV cannot
(texts, dates, integer codes, identifiers) is added by `mark_kinds`, so that planning from the schema gives the plan.
"""

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from models.tabular_text.features import DType, Feature, FeatureKind, FeatureSpec, Label, LabelKind
from pipeline.errors import NotFound
from pipeline.feature_planning.column_source import PlanError
from pipeline.feature_planning.schema_rules import (
    KIND_TAG,
    domain_of,
    dtype_of,
    feature_of,
    is_active,
    label_objection,
    label_of,
    value_count,
)
from pipeline.schema_review.edits import clear_domain, drop_unused_domains, find_feature, put_feature
from pipeline.schema_review.evidence import Statistics, feature_statistics, has_values, integer_range, string_values

MAX_STRING_DOMAIN = 100
"""Strings with more distinct values than this get no domain, unless the plan calls them categories (TFDV's default)."""

MAX_COUNTED_STRINGS = 1_000
"""Strings that StatisticsGen counts one by one; it cannot list a longer domain."""

DATE_FORMAT = "%Y-%m-%d"


def infer_schema(statistics: Statistics, features: FeatureSpec | None = None) -> schema_pb2.Schema:
    """A schema that the statistics of every split fit, in a stable order, saying what the plan says.

    Args:
      statistics: per split; the first one is inferred from, the others loosen the result where they need to.
      features: the plan of the run; None = TFDV's own judgement.

    Raises:
      NotFound: if no split has an example.
    """
    import tensorflow_data_validation as tfdv

    size = MAX_STRING_DOMAIN if features is None else MAX_COUNTED_STRINGS
    first, *others = _with_examples(statistics).values()
    schema = tfdv.infer_schema(first, infer_feature_shape=False, max_string_domain_size=size)
    for other in others:
        schema = tfdv.update_schema(schema, other, max_string_domain_size=size)
    _sort(schema, features)
    return schema if features is None else mark_kinds(schema, features, statistics)


def propose_schema(
    reviewed: schema_pb2.Schema, statistics: Statistics, features: FeatureSpec | None = None
) -> schema_pb2.Schema:
    """The reviewed schema with the fewest changes after which no split's statistics are anomalous.

    Only features with an anomaly are touched. A column of another type is inferred anew, a column that has gone is
    marked deprecated, a new one is appended; order, annotations and all other features stay as they are.

    Args:
      reviewed: the curated schema.
      statistics: per split.
      features: the plan of the run, for columns that the schema does not know.

    Raises:
      NotFound: if no split has an example.
    """
    proposed = schema_pb2.Schema()
    proposed.CopyFrom(reviewed)
    fresh = infer_schema(statistics, features)
    for of_split in _with_examples(statistics).values():
        _accept(proposed, of_split, fresh)
    return proposed


def mark_kinds(schema: schema_pb2.Schema, features: FeatureSpec, statistics: Statistics) -> schema_pb2.Schema:
    """A copy of the schema from which `plan_features` makes the kinds of this plan.

    Kinds are said in the schema's own words where it has them (domains), else by a tag. Columns whose type differs
    from the plan's are left alone: the plan was made of other data.
    """
    marked = schema_pb2.Schema()
    marked.CopyFrom(schema)
    for planned in features.features:
        feature = find_feature(marked, planned.name)
        if feature is not None and dtype_of(feature) is planned.dtype:
            _mark_feature(marked, feature, planned, statistics)
    label = find_feature(marked, features.label.name)
    if label is not None and dtype_of(label) is features.label.dtype:
        _mark_label(marked, label, features.label, statistics)
    drop_unused_domains(marked)
    return marked


def _mark_feature(
    schema: schema_pb2.Schema, feature: schema_pb2.Feature, planned: Feature, statistics: Statistics
) -> None:
    if planned.kind is FeatureKind.TEXT:
        feature.natural_language_domain.SetInParent()
    elif planned.kind is FeatureKind.DATE:
        feature.time_domain.string_format = DATE_FORMAT
    elif planned.kind is FeatureKind.CATEGORICAL:
        _mark_categories(schema, feature, statistics)
    elif planned.kind is FeatureKind.IGNORED and value_count(domain_of(schema, feature)) != 1:
        clear_domain(feature)  # what nobody uses is not worth a contract; a constant is
    if feature_of(schema, feature, MAX_COUNTED_STRINGS).kind is not planned.kind:
        feature.annotation.tag.append(f"{KIND_TAG}{planned.kind}")


def _mark_label(schema: schema_pb2.Schema, feature: schema_pb2.Feature, label: Label, statistics: Statistics) -> None:
    if label.kind is not LabelKind.REGRESSION:
        _mark_categories(schema, feature, statistics)
    try:
        is_said = label_of(schema, feature, None).kind is label.kind
    except PlanError:  # the schema's own words do not tell
        is_said = False
    # A plan made of the head of the data may be wrong about its rest; what the whole data says then stands.
    if not is_said and label_objection(label.dtype, domain_of(schema, feature), label.kind) is None:
        feature.annotation.tag.append(f"{KIND_TAG}{label.kind}")


def _mark_categories(schema: schema_pb2.Schema, feature: schema_pb2.Feature, statistics: Statistics) -> None:
    if dtype_of(feature) is DType.INT64:
        feature.int_domain.is_categorical = True
        seen = integer_range(statistics, feature.name)
        if seen is not None:
            feature.int_domain.min, feature.int_domain.max = seen
    elif isinstance(domain_of(schema, feature), schema_pb2.IntDomain):  # TFDV's word for strings of digits only
        values = string_values(statistics, feature.name)
        clear_domain(feature)
        if values is not None:
            feature.string_domain.value.extend(values)


def _accept(
    schema: schema_pb2.Schema, statistics: statistics_pb2.DatasetFeatureStatisticsList, fresh: schema_pb2.Schema
) -> None:
    """Changes the schema in place so that the statistics of one split fit."""
    import tensorflow_data_validation as tfdv

    anomalies = tfdv.validate_statistics(statistics, schema)
    updated = tfdv.update_schema(schema, statistics, max_string_domain_size=MAX_COUNTED_STRINGS)
    anomalous = {info.path.step[0] for info in anomalies.anomaly_info.values() if info.path.step}
    present = feature_statistics(statistics)
    # The order of `fresh` for new columns: TFDV's own is that of the statistics, which varies from run to run.
    order = dict.fromkeys(feature.name for feature in (*schema.feature, *fresh.feature))
    for name in [name for name in order if name in anomalous]:
        change = find_feature(updated, name)
        was_deprecated_for_its_type = change is not None and not is_active(change) and has_values(present.get(name))
        if find_feature(schema, name) is None or was_deprecated_for_its_type:
            _renew(schema, fresh, name)
        else:
            put_feature(schema, updated, name, together=anomalous)
    _accept_size(schema, statistics.datasets[0].num_examples)


def _accept_size(schema: schema_pb2.Schema, rows: int) -> None:
    """Widens the limits on the number of examples in a split, if there are any; TFDV does not."""
    limits = schema.dataset_constraints
    if limits.HasField("min_examples_count"):
        limits.min_examples_count = min(limits.min_examples_count, rows)
    if limits.HasField("max_examples_count"):
        limits.max_examples_count = max(limits.max_examples_count, rows)


def _renew(schema: schema_pb2.Schema, fresh: schema_pb2.Schema, name: str) -> None:
    """Puts the freshly inferred feature into the schema; what was remarked on the old one stays."""
    kept = schema_pb2.Feature()
    old = find_feature(schema, name)
    if old is not None:
        kept.in_environment.extend(old.in_environment)
        kept.not_in_environment.extend(old.not_in_environment)
        kept.annotation.comment.extend(old.annotation.comment)
        kept.annotation.tag.extend(tag for tag in old.annotation.tag if not tag.startswith(KIND_TAG))
    put_feature(schema, fresh, name)
    new = find_feature(schema, name)
    if new is not None and old is not None:
        new.MergeFrom(kept)


def _with_examples(statistics: Statistics) -> Statistics:
    filled = {split: found for split, found in statistics.items() if found.datasets and found.datasets[0].num_examples}
    if not filled:
        raise NotFound(f"No split has an example to infer a schema from (splits: {', '.join(statistics) or 'none'}).")
    return filled


def _sort(schema: schema_pb2.Schema, features: FeatureSpec | None) -> None:
    """Puts the label first and the columns in the order of the plan, all others after them by name."""
    planned = [] if features is None else [features.label.name, *(feature.name for feature in features.features)]
    rank = {name: position for position, name in enumerate(planned)}
    schema.feature.sort(key=lambda feature: (rank.get(feature.name, len(rank)), feature.name))
    schema.string_domain.sort(key=lambda domain: domain.name)
