"""What a run put on an endpoint, as HTML: which model answers which share of the requests, and what is kept."""

from collections.abc import Iterator

from markupsafe import Markup

from pipeline.readers.endpoint import EndpointDocument, EndpointVariant
from pipeline.report.section import note
from pipeline.report.table import Column, pairs, table
from pipeline.report.tags import join, tag

_COLUMNS = (
    Column("variant"),
    Column("traffic", numeric=True, meaning="its share of the requests; a shadow gets copies of them"),
    Column("model"),
    Column("machines"),
)


def endpoint_view(found: EndpointDocument) -> Markup:
    """The endpoint as the run left it."""
    if not found.deployed:
        return note(f"Nothing was deployed to endpoint {found.endpoint}. {found.reason}")
    rows = [_variant_row(variant, found) for variant in found.variants]
    shown = table(_COLUMNS, rows, caption="Variants of the endpoint") if rows else note("Its variants were not noted.")
    later = note(
        "This is what the run left there. What is there now: aws sagemaker describe-endpoint --endpoint-name "
        f"{found.endpoint}. What people did since is on record: penstock deploy, traffic, rollback --endpoint."
    )
    return join([pairs(_facts(found)), shown, note(found.reason) if found.reason else "", later])


def _facts(found: EndpointDocument) -> Iterator[tuple[object, object]]:
    link = tag("a", found.endpoint, href=found.console, rel="noreferrer") if found.console else found.endpoint
    yield "endpoint", link
    yield "the run's model", f"version {found.version}, digest {found.model_digest[:12]}, as variant {found.variant}"
    yield "configuration", tag("code", found.endpoint_config)
    before = tag("code", found.previous_config) if found.previous_config else "nothing: this run made the endpoint"
    yield "before it", before
    yield "requests kept", _capture(found)
    yield "scaling", _scaling(found)


def _capture(found: EndpointDocument) -> object:
    if not found.capture:
        return "not noted"
    return join([f"{found.capture['percent']} % of requests and answers, in ", tag("code", str(found.capture["to"]))])


def _scaling(found: EndpointDocument) -> str:
    if not found.scaling:
        return "none: the number of machines stays"
    least, most, aim = (found.scaling[key] for key in ("least", "most", "invocations"))
    return f"{least} to {most} machines, aiming at {aim:g} requests a minute and machine"


def _variant_row(variant: EndpointVariant, found: EndpointDocument) -> tuple[object, ...]:
    total = sum(other.weight for other in found.variants if not other.is_shadow)
    share = variant.weight if variant.is_shadow else variant.weight / total if total else 0.0
    traffic = f"{share:.0%}{' of requests, copied' if variant.is_shadow else ''}"
    own = " (this run's)" if variant.model_name == found.model_name else ""
    return (
        variant.name,
        traffic,
        join([tag("code", variant.model_name), own]),
        f"{variant.instances} of {variant.instance_type}",
    )
