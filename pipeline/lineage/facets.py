"""OpenLineage's standard facets as JSON values; names and versions as in https://openlineage.io/spec/facets."""

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.provenance import PROJECT_ROOT, Provenance

Facet = Mapping[str, Any]


def _version() -> str:
    try:
        return metadata.version("penstock")
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "0"


PRODUCER = f"urn:penstock:{_version()}"

_VERSIONS = {
    "ParentRunFacet": "1-2-0",
    "NominalTimeRunFacet": "1-0-1",
    "ProcessingEngineRunFacet": "1-1-1",
    "ErrorMessageRunFacet": "1-0-1",
    "ExecutionParametersRunFacet": "1-0-0",
    "TagsRunFacet": "1-0-0",
    "JobTypeJobFacet": "2-0-4",
    "SourceCodeLocationJobFacet": "1-1-0",
    "SchemaDatasetFacet": "1-2-0",
    "DatasourceDatasetFacet": "1-0-1",
    "DatasetVersionDatasetFacet": "1-0-1",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
}


def _facet(facet_name: str, /, **fields: Any) -> Facet:
    schema = f"https://openlineage.io/spec/facets/{_VERSIONS[facet_name]}/{facet_name}.json#/$defs/{facet_name}"
    return {"_producer": PRODUCER, "_schemaURL": schema, **fields}


def parent(run_uuid: str, namespace: str, name: str) -> Facet:
    """The run that an execution belongs to."""
    return _facet("ParentRunFacet", run={"runId": run_uuid}, job={"namespace": namespace, "name": name, "facets": {}})


def nominal_time(start: str) -> Facet:
    """When a run was asked for, ISO 8601."""
    return _facet("NominalTimeRunFacet", nominalStartTime=start)


def error_message(message: str) -> Facet:
    """Why a run failed."""
    return _facet("ErrorMessageRunFacet", message=message, programmingLanguage="PYTHON")


def execution_parameters(parameters: Mapping[str, str]) -> Facet:
    """What a node was told."""
    return _facet(
        "ExecutionParametersRunFacet",
        parameters=[{"key": key, "name": key, "value": value} for key, value in parameters.items()],
    )


def tags(values: Mapping[str, str]) -> Facet:
    """What no other facet has a place for."""
    return _facet("TagsRunFacet", tags=[{"key": k, "value": v, "source": "PENSTOCK"} for k, v in values.items()])


def job_type(kind: str) -> Facet:
    """PIPELINE or NODE."""
    return _facet("JobTypeJobFacet", processingType="BATCH", integration="PENSTOCK", jobType=kind)


def of_provenance(found: Provenance | None) -> dict[str, Facet]:
    """The engine that ran a node; nothing if it was not noted."""
    version = found.packages.get("tfx") if found else None
    if version is None:
        return {}
    engine = _facet("ProcessingEngineRunFacet", version=version, name="TFX", openlineageAdapterVersion=_version())
    return {"processing_engine": engine}


def source_code(found: Provenance | None, path: str | None) -> dict[str, Facet]:
    """Which commit of the project ran, nothing outside git; `path` is the code's place in the project."""
    if found is None or found.git_commit is None:
        return {}
    where = {} if path is None else {"path": path}
    url = (PROJECT_ROOT / (path or "")).as_uri()
    return {
        "sourceCodeLocation": _facet(
            "SourceCodeLocationJobFacet", type="git", url=url, version=found.git_commit, **where
        )
    }


def of_place(place: str, fingerprint: str | None) -> dict[str, Facet]:
    """Where a dataset lies, and which bytes it held."""
    uri = place if "://" in place else Path(place).as_uri()
    found = {"dataSource": _facet("DatasourceDatasetFacet", name="file", uri=uri)}
    if fingerprint is not None:
        found["version"] = _facet("DatasetVersionDatasetFacet", datasetVersion=fingerprint)
    return found


def schema(columns: Mapping[str, Any]) -> dict[str, Facet]:
    """The columns of a table, nothing if they are not known."""
    if not columns:
        return {}
    fields = [{"name": str(name), "type": str(kind), "fields": []} for name, kind in columns.items()]
    return {"schema": _facet("SchemaDatasetFacet", fields=fields)}


def output_statistics(rows: Any) -> dict[str, Facet]:
    """How many rows were written, nothing if that was not counted."""
    if not isinstance(rows, int):
        return {}
    return {"outputStatistics": _facet("OutputStatisticsOutputDatasetFacet", rowCount=rows)}
