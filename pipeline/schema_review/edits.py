"""Small edits of a schema that leave everything else in it as it was written."""

from collections.abc import Collection, Iterable

from tensorflow_metadata.proto.v0 import schema_pb2

from pipeline.feature_planning.schema_rules import domain_of


def find_feature(schema: schema_pb2.Schema, name: str) -> schema_pb2.Feature | None:
    """The feature of that name in the schema itself (not a copy), or None."""
    return next((feature for feature in schema.feature if feature.name == name), None)


def put_feature(
    target: schema_pb2.Schema, source: schema_pb2.Schema, name: str, together: Collection[str] = ()
) -> None:
    """Makes feature `name` of `target` what it is in `source`, with its string domain, in its place or at the end.

    No other feature changes its meaning: a string domain that features outside `together` share is not touched,
    the feature then gets one of its own.
    """
    new = find_feature(source, name)
    if new is None:
        raise KeyError(name)
    feature = find_feature(target, name)
    if feature is None:
        feature = target.feature.add()
    feature.CopyFrom(new)
    domain = domain_of(source, new)
    if isinstance(domain, schema_pb2.StringDomain) and new.HasField("domain"):
        feature.domain = _put_domain(target, domain, name, {name, *together})


def drop_feature(schema: schema_pb2.Schema, name: str) -> None:
    """Removes the feature; its domain stays until `drop_unused_domains`."""
    feature = find_feature(schema, name)
    if feature is not None:
        schema.feature.remove(feature)


def drop_unused_domains(schema: schema_pb2.Schema) -> None:
    """Removes the string domains that no feature names."""
    used = {feature.domain for feature in schema.feature}
    for domain in [domain for domain in schema.string_domain if domain.name not in used]:
        schema.string_domain.remove(domain)


def clear_domain(feature: schema_pb2.Feature) -> None:
    """Takes the feature's domain away, whatever its kind: any value is then accepted."""
    which = feature.WhichOneof("domain_info")
    if which:
        feature.ClearField(which)


def _put_domain(target: schema_pb2.Schema, new: schema_pb2.StringDomain, name: str, owners: Collection[str]) -> str:
    """Puts the domain into `target`, without changing one that others use; returns the name that it has there."""
    known = {str(domain.name): domain for domain in target.string_domain}
    old = known.get(new.name)
    domain_name = str(new.name)
    if old is None:
        target.string_domain.add().CopyFrom(new)
    elif list(old.value) == list(new.value):
        pass
    elif _users(target, domain_name) <= set(owners):
        old.CopyFrom(new)
    else:
        domain_name = _free_name(name, known)
        own = target.string_domain.add()
        own.CopyFrom(new)
        own.name = domain_name
    return domain_name


def _users(schema: schema_pb2.Schema, domain: str) -> set[str]:
    return {feature.name for feature in schema.feature if feature.domain == domain}


def _free_name(wanted: str, taken: Iterable[str]) -> str:
    names = set(taken)
    number = 1
    name = wanted
    while name in names:
        number += 1
        name = f"{wanted}_{number}"
    return name
