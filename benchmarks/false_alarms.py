"""Prints how often each gate fires on clean data of many seeds, and on data that it is there for.

    python benchmarks/false_alarms.py [--seeds 50] [--rows 20000] [GATE …]

Rows are the sample generator's, settings those of penstock.yaml. A model's answers are the best possible ones
(pipeline/sample_data/best_answers.py), so nothing is trained but for AttributionDrift. Each seed is judged against the
seed before it, as a run is against the last approved model.

A gate is one function here: it takes the options by which rows are made, and what the seed before left (None for the
first), and gives its verdict and what the next seed is compared with.
"""

import argparse
import collections
import datetime
import itertools
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.gate.verdict import Verdict
from pipeline.config import load_config
from pipeline.sample_data.best_answers import star_probabilities
from pipeline.sample_data.options import BiasOptions, DriftOptions, ReviewsOptions
from pipeline.sample_data.reviews import generate_reviews

CONFIG = load_config(Path(__file__).resolve().parent.parent / "penstock.yaml")
TODAY = datetime.date(2026, 1, 1)

Gate = Callable[[ReviewsOptions, Any], tuple[Verdict, Any]]


def bias(options: ReviewsOptions, before: Any) -> tuple[Verdict, Any]:
    """BiasEvaluator: eight tenths of the rows to train with, one tenth evaluated."""
    from components.bias_evaluator.assess import Subject, assess
    from components.bias_evaluator.rows import Positive
    from components.bias_evaluator.tally import tally_of

    settings, positive = CONFIG.bias, Positive(CONFIG.bias.positive_values)
    batches = list(generate_reviews(options))
    rows = pa.Table.from_batches(batches).combine_chunks()
    stars = np.concatenate([star_probabilities(batch, options).argmax(axis=1) + 1 for batch in batches])
    tallies = {}
    for stage, start, stop in (("pre_training", 0.0, 0.8), ("post_training", 0.9, 1.0)):
        first, length = round(start * len(stars)), round((stop - start) * len(stars))
        part = rows.slice(first, length)
        columns = {name: part[name].combine_chunks() for name in settings.used_columns}
        labels = positive.of(part["star_rating"].combine_chunks())
        answers = positive.of(pa.array(stars[first : first + length])) if stage == "post_training" else None
        tallies[stage] = tally_of(columns, labels, answers, settings)
    subject = Subject("star_rating", positive.words(), {"pre_training": "train", "post_training": "test"})
    document, verdict = assess(tallies, settings, subject, before and (before, "the seed before"), TODAY)
    return verdict, document


def quality(options: ReviewsOptions, before: Any) -> tuple[Verdict, Any]:
    """DataQualityGate: the rows of a span in three splits, compared with the number of rows of the span before."""
    return _quality(list(generate_reviews(options)), before)


def repeated(options: ReviewsOptions, before: Any) -> tuple[Verdict, Any]:
    """DataQualityGate on rows of which one in a thousand is there twice."""
    rows = pa.Table.from_batches(list(generate_reviews(options)))
    twice = pa.concat_tables([rows, rows.slice(0, len(rows) // 1000)])
    return _quality(twice.combine_chunks().to_batches(), before)


def _quality(batches: Sequence[pa.RecordBatch], before: Any) -> tuple[Verdict, Any]:
    from components.data_quality_gate.judgement import verdict_of
    from components.data_quality_gate.measured import measured_of
    from components.data_quality_gate.suite import measure_here

    splits = [(split, batch) for batch, split in zip(batches, itertools.cycle(CONFIG.data.splits), strict=False)]
    with tempfile.TemporaryDirectory() as folder:
        state = measure_here(splits, CONFIG.quality.constraints, 10, folder)
        measured = measured_of(state, before, lambda: splits)
    now = datetime.datetime.combine(TODAY, datetime.time(), datetime.UTC)
    return verdict_of(measured, state.rows, state.profile.columns, now), sum(state.rows.values())


def distribution(options: ReviewsOptions, before: Any) -> tuple[Verdict, Any]:
    """DistributionValidator: all rows against those of the seed before."""
    from components.distribution_validator.columns import compared_columns
    from components.distribution_validator.comparison import compare
    from components.distribution_validator.judgement import Question, verdict_of
    from components.distribution_validator.summary import TableSummary
    from pipeline.planning import make_plan

    columns = compared_columns(make_plan(CONFIG).features)
    summary = TableSummary.empty(columns)
    for batch in generate_reviews(options):
        summary.add(batch)
    found = compare(before or summary, summary, columns, CONFIG.distribution)
    return verdict_of([(Question("drift", "from the seed before to this one"), found)]), summary


def attribution(options: ReviewsOptions, before: Any) -> tuple[Verdict, Any]:
    """AttributionDrift: a small model is trained, on rows of a world of its own (see attribution_world.py).

    Of the options only the seed counts, and whether labels drift: then the columns change roles.
    """
    from attribution_world import DRIFT, evidence

    from components.attribution_drift.judgement import verdict_of

    now = evidence(options.seed, changed=options.drift.label > 0)
    return verdict_of(now, before, DRIFT), now


GATES: Mapping[str, Gate] = {"attribution": attribution, "bias": bias, "quality": quality, "distribution": distribution}

BREAKING: Mapping[str, Gate] = {"quality": repeated}
"""Gates that break the rows first, in a way that the generator cannot."""

UNCLEAN: Mapping[str, Mapping[str, Any]] = {
    "attribution": {"drift": DriftOptions(label=1.0)},
    "bias": {"bias": BiasOptions("Digital_Software", 0.6)},
    "quality": {},
    "distribution": {"drift": DriftOptions(category_mix=0.5)},
}
"""What each gate is there for, as options of the generator; it is judged against the first clean seed."""


def main() -> None:
    """Measures the chosen gates and prints a line each for clean and for unclean data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gates", nargs="*", default=list(GATES), metavar="GATE", help=", ".join(GATES))
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--rows", type=int, default=20_000)
    arguments = parser.parse_args()
    print(
        f"{'gate':14}{'data':10}{'runs':>6}{'refused':>9}{'warned':>8}{'checks':>8}{'failed':>8}{'seconds':>9}  failing"
    )
    for name in arguments.gates:
        first = clean(name, arguments.seeds, arguments.rows)
        unclean(name, arguments.seeds, arguments.rows, first)


def clean(name: str, seeds: int, rows: int) -> Any:
    """Prints the line for clean data; gives what the first seed left."""
    begin, before, first = time.monotonic(), None, None
    verdicts = []
    for seed in range(seeds):
        verdict, before = GATES[name](ReviewsOptions(rows=rows, seed=seed), before)
        first = before if first is None else first
        verdicts.append(verdict)
    tell(name, "clean", verdicts, time.monotonic() - begin)
    return first


def unclean(name: str, seeds: int, rows: int, before: Any) -> None:
    """Prints the line for data that the gate is there for."""
    begin = time.monotonic()
    made = [ReviewsOptions(rows=rows, seed=seed, **UNCLEAN[name]) for seed in range(1, seeds + 1)]
    tell(
        name,
        "unclean",
        [BREAKING.get(name, GATES[name])(options, before)[0] for options in made],
        time.monotonic() - begin,
    )


def tell(name: str, data: str, verdicts: list[Verdict], seconds: float) -> None:
    """Prints what came of all seeds, and which checks failed most often."""
    findings = [finding for verdict in verdicts for finding in verdict.findings]
    failed = collections.Counter(finding.check for finding in findings if finding.passed is False)
    refused = sum(not verdict.passed for verdict in verdicts)
    warned = sum(verdict.passed and bool(verdict.warnings) for verdict in verdicts)
    most = ", ".join(f"{check} {count}" for check, count in failed.most_common(4))
    counts = f"{len(verdicts):6}{refused:9}{warned:8}{len(findings):8}{failed.total():8}{seconds:9.1f}"
    print(f"{name:14}{data:10}{counts}  {most}", flush=True)


if __name__ == "__main__":
    main()
