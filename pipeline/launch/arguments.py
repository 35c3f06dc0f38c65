"""The launcher's command line: every argument that makes no sense is reported, before anything slow."""

import argparse
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from pipeline import ir as ir_documents
from pipeline.cache_policy import CachePolicy
from pipeline.errors import ConfigError
from pipeline.input_files import read_input
from pipeline.launch.follower_job import FOLLOWERS, compiled_job
from pipeline.launch.packed_ir import PREFIX, unpack
from pipeline.launch.request import LaunchRequest
from pipeline.metadata import metadata_problem

SELF_TEST = "--self-test"


@dataclasses.dataclass(frozen=True)
class Job:
    """One command line.

    Attributes:
      request: the nodes to run.
      decide: conditional nodes to decide about once those have run.
      decisions: the folder (or `s3://…`) that the decisions are written to; None: nobody asks for any there.
      answers: node → the file that gets just what was decided about it.
      followers: the compiled part of the Kubernetes Job of the pods that share this one's work; None: there are none.
    """

    request: LaunchRequest
    decide: tuple[str, ...] = ()
    decisions: str | None = None
    answers: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    followers: Mapping[str, Any] | None = None

    @property
    def is_asked(self) -> bool:
        """True if somebody branches on what is decided."""
        return self.decisions is not None or bool(self.answers)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError([f"{message}. {self.format_usage().strip()}"])


def parse(argv: Sequence[str] | None, scratch: Path) -> Job:
    """The job that the words ask for (those of this process if None).

    Args:
      argv: the words.
      scratch: see `LaunchRequest`.

    Raises:
      ConfigError: listing every argument that makes no sense.
    """
    args = _parser().parse_args(argv)
    chosen, known = tuple(args.nodes.split(",")), ir_documents.node_ids(read_ir(args.ir))
    problems = [no_such_node(node_id, known) for node_id in chosen if node_id not in known]
    problems += [f"--param {item}: expected NAME=VALUE." for item in args.param if "=" not in item]
    if problem := metadata_problem(args.metadata):
        problems.append(problem)
    problems += [no_such_node(node_id, known, "--decide") for node_id in args.decide if node_id not in known]
    if args.decide and not args.decisions:
        problems.append("--decide: say where to write what is decided, with --decisions DIR.")
    problems += [f"--answer {item}: expected NODE=FILE." for item in args.answer if "=" not in item]
    answers = {node_id: Path(path) for node_id, _, path in (item.partition("=") for item in args.answer)}
    problems += [no_such_node(node_id, known, "--answer") for node_id in answers if node_id not in known]
    caching = _policy(args.caching, known, problems)
    followers = _followers(args.followers, problems)
    if problems:
        raise ConfigError(problems)
    parameters = dict(item.partition("=")[::2] for item in args.param)
    request = LaunchRequest(
        args.ir, chosen, args.run_id, args.metadata, parameters, caching=caching, scratch=scratch, root=args.root
    )
    asked = dict.fromkeys((*args.decide, *(node_id for node_id in answers if node_id not in chosen)))
    return Job(request, tuple(asked), args.decisions, answers, followers)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m pipeline.launch", description="Run nodes of a compiled pipeline.")
    parser.add_argument("--ir", required=True, help="the compiled pipeline: a JSON file, s3://… or packed:…")
    parser.add_argument("--nodes", required=True, help="node ids, separated by commas, run in this order")
    parser.add_argument("--run-id", required=True)
    stores = "sqlite:////absolute/path, mysql://user@host:port/database or secretsmanager:name"
    parser.add_argument("--metadata", required=True, help=f"the lineage store: {stores}")
    notes = "folder or s3://… below which each node's end is noted down; else that of --ir, if it is on s3://"
    parser.add_argument("--root", help=notes)
    parser.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--caching", default="{}", help='JSON: node id → {"cache": true, "cache_ttl_hours": null}')
    decides = "after the nodes, say in DIR/decision.json whether this conditional node runs; may be repeated"
    parser.add_argument("--decide", action="append", default=[], metavar="NODE", help=decides)
    waits = "folder for decision.json; a model that waits for an approval is then no failure"
    parser.add_argument("--decisions", metavar="DIR", help=waits)
    answers = "as --decide, and FILE gets nothing but the word; for one of --nodes, what became of its approval"
    parser.add_argument("--answer", action="append", default=[], metavar="NODE=FILE", help=answers)
    shares = "a Kubernetes Job in JSON: more pods, which this one asks for when it has something to train"
    parser.add_argument(FOLLOWERS, metavar="JSON", help=shares)
    parser.add_argument(SELF_TEST, action="store_true", help="say what works in this image, and run nothing")
    return parser


def read_ir(location: str) -> str:
    """The text of a compiled pipeline: a file, `s3://…` or the pipeline itself as one word (packed_ir.py).

    Raises:
      ConfigError: it cannot be read.
    """
    if location.startswith(PREFIX):
        try:
            return unpack(location)
        except ValueError as error:
            raise ConfigError([f"--ir: {error}. Compile the pipeline again."]) from error
    if "://" not in location:
        return read_input(Path(location)).decode()
    from pipeline.storage import read_text
    from pipeline.storage.errors import StorageError

    try:
        return read_text(location)
    except StorageError as error:
        raise ConfigError([f"--ir: {error}"]) from error


def no_such_node(node_id: str, known: Iterable[str], option: str = "--nodes") -> str:
    """The sentence about a node that the pipeline does not have."""
    return f"{option} {node_id}: the pipeline has no such node; it has {', '.join(known)}."


def _followers(word: str | None, problems: list[str]) -> Mapping[str, Any] | None:
    """The Job of `--followers`; adds to `problems` what makes no sense."""
    try:
        return None if word is None else compiled_job(word)
    except ConfigError as error:
        problems += error.problems
        return None


def _policy(text: str, known: Sequence[str], problems: list[str]) -> CachePolicy:
    """The policies of `--caching`; adds to `problems` what makes no sense."""
    try:
        policy = CachePolicy.from_json(text)
    except ValueError as error:
        problems.append(f"--caching {text}: {error}.")
        return CachePolicy()
    problems += [no_such_node(node_id, known, "--caching") for node_id in policy.nodes if node_id not in known]
    return policy
