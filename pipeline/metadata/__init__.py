"""Our own small interface to lineage: what ran, what it read and wrote. The store behind it is ML Metadata.

Everything that reads lineage goes through here, so that the store can be replaced.
"""

from pipeline.metadata.connection import connection_config, is_there, metadata_path, metadata_problem
from pipeline.metadata.handles import find_handle, handles, record_handle
from pipeline.metadata.records import ArtifactRecord, EventRecord, ExecutionRecord, Snapshot, single
from pipeline.metadata.store import LineageStore

__all__ = [
    "ArtifactRecord",
    "EventRecord",
    "ExecutionRecord",
    "LineageStore",
    "Snapshot",
    "connection_config",
    "find_handle",
    "handles",
    "is_there",
    "metadata_path",
    "metadata_problem",
    "record_handle",
    "single",
]
