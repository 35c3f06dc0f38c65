"""What the platforms refuse, told before anything is sent, with the node named.

Source: the service model of SageMaker that botocore ships (checked in tests/unit/pipeline/jobs), and the pages of
quotas of SageMaker Pipelines and Step Functions.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.jobs.request import SYMBOLS, JobPlan, JobRequest, Join, Parameter, RunId, Unique

MAX_WORD = 256
"""Characters of one word of a container's command (ContainerArgument)."""

MAX_WORDS = 100
"""Words after the command (ContainerArguments)."""

MAX_VARIABLES = 100
"""Environment variables of a job."""

MAX_VALUE = {"processing": 256, "training": 512}
"""Characters of an environment variable (ProcessingEnvironmentValue, TrainingEnvironmentValue)."""

MAX_STREAMS = 10
"""Inputs, and outputs, of a processing job."""

MAX_S3_URI = 1024
MAX_DOCUMENT_BYTES = 2**20
"""Of a pipeline definition, and of a state machine definition."""

MAX_STATE_BYTES = 256 * 1024
"""Of an execution's input and of what passes between its states (Step Functions)."""

MAX_NAME = 60
"""Characters of a job's name: a step's name has 64, and the step that decides on it is named `If-…`."""

MAX_JOB_NAME = 63
RUN_ID_LENGTH = 80
"""The longest run id: a name of an execution of Step Functions; SageMaker's own ids are shorter."""

UNIQUE_LENGTH = 36
"""A UUID."""


def longest(value: Any) -> int:
    """Characters of a value once its symbols are filled in; a parameter counts nothing, its value is not known yet."""
    if isinstance(value, Join):
        return sum(longest(part) for part in value.parts)
    if isinstance(value, RunId):
        return RUN_ID_LENGTH
    if isinstance(value, Unique):
        return UNIQUE_LENGTH
    return 0 if isinstance(value, Parameter) else len(str(value))


def shown(value: Any) -> str:
    """A value with symbols as a reader of a message understands it, cut after 60 characters."""
    parts = value.parts if isinstance(value, Join) else (value,)
    text = "".join(f"<{_word(part)}>" if isinstance(part, SYMBOLS) else str(part) for part in parts)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _word(symbol: Any) -> str:
    return symbol.name if isinstance(symbol, Parameter) else {"RunId": "run id"}.get(type(symbol).__name__, "unique")


def plan_problems(plan: JobPlan) -> list[str]:
    """A sentence for every limit that a job of the plan exceeds."""
    return [
        f"Node '{job.lead}': {problem}" for job in plan.jobs for problem in (*_words(job), *_values(job), *_places(job))
    ]


def _container(job: JobRequest) -> Mapping[str, Any]:
    found: Mapping[str, Any] = job.request.get("AppSpecification") or job.request["AlgorithmSpecification"]
    return found


def _words(job: JobRequest) -> Iterator[str]:
    words = _container(job)["ContainerArguments"]
    for before, word in zip(("", *words), words, strict=False):
        if longest(word) > MAX_WORD:
            option = f" after {before}" if str(before).startswith("--") else ""
            yield (
                f"the word {shown(word)!r}{option} of its command has up to {longest(word)} characters, at most "
                f"{MAX_WORD} fit. {_ADVICE.get(str(before), 'Shorten it.')}"
            )
    if len(words) > MAX_WORDS:
        yield f"its command has {len(words)} words, at most {MAX_WORDS} fit. Use fewer runtime parameters."


_ADVICE = {
    "--ir": "Shorten aws.root.",
    "--metadata": "Shorten aws.metadata: name the secret instead of giving its ARN.",
    "--nodes": "Leave out lookups, or shorten node ids.",
    "--caching": "Say less about this node's caching.",
    "--param": "Shorten the parameter's name.",
}


def _values(job: JobRequest) -> Iterator[str]:
    environment = job.request["Environment"]
    for name, value in environment.items():
        if longest(value) > MAX_VALUE[job.kind]:
            yield (
                f"its environment variable {name} has {longest(value)} characters, at most {MAX_VALUE[job.kind]} fit. "
                "Shorten it in aws.environment."
            )
    if len(environment) > MAX_VARIABLES:
        yield f"it has {len(environment)} environment variables, at most {MAX_VARIABLES} fit. Take some out."


def _places(job: JobRequest) -> Iterator[str]:
    outputs = job.request.get("ProcessingOutputConfig", {}).get("Outputs", ())
    for name, streams in (("inputs", job.request.get("ProcessingInputs", ())), ("outputs", outputs)):
        if len(streams) > MAX_STREAMS:
            yield f"its job has {len(streams)} {name}, at most {MAX_STREAMS} fit."
    uris = [output["S3Output"]["S3Uri"] for output in outputs]
    if checkpoints := job.request.get("CheckpointConfig"):
        uris.append(checkpoints["S3Uri"])
    for uri in uris:
        if longest(uri) > MAX_S3_URI:
            yield f"the place {shown(uri)!r} has up to {longest(uri)} characters, at most {MAX_S3_URI} fit."


def document_problem(runner: str, text: str, node_ids: tuple[str, ...]) -> str | None:
    """What to say of a document that is too large, naming the pipeline's nodes by number; None if it fits."""
    size = len(text.encode())
    if size <= MAX_DOCUMENT_BYTES:
        return None
    return (
        f"The document for runner '{runner}' has {size:,} bytes for {len(node_ids)} nodes, at most "
        f"{MAX_DOCUMENT_BYTES:,} fit. Shorten aws.environment and aws.tags, which every job has, or leave nodes out."
    )
