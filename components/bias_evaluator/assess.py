"""From counted rows to the report and the verdict. Pure."""

import dataclasses
import datetime
from collections.abc import Mapping

from components.bias_evaluator.document import BiasDocument
from components.bias_evaluator.judgement import FacetMeasures, statuses, verdict_of
from components.bias_evaluator.measure import facets_of, measure, why_not_comparable
from components.bias_evaluator.names import Stage
from components.bias_evaluator.report import facet_reports
from components.bias_evaluator.settings import BiasSettings
from components.bias_evaluator.tally import Tally
from components.gate.verdict import Verdict, judge


@dataclasses.dataclass(frozen=True)
class Subject:
    """What the rows are of.

    Attributes:
      label: the column to predict.
      positive: what counts as positive, in words.
      splits: by stage.
    """

    label: str
    positive: str
    splits: Mapping[Stage, str]


def assess(
    tallies: Mapping[Stage, Tally],
    settings: BiasSettings,
    subject: Subject,
    known: tuple[BiasDocument, str] | None,
    today: datetime.date,
) -> tuple[BiasDocument, Verdict]:
    """The report and the verdict.

    Args:
      tallies: the rows of each stage.
      settings: what is measured and demanded.
      subject: of which label and splits.
      known: the report on the last approved model, and where it is.
      today: the day (UTC) on which waivers are looked at.
    """
    facets, remarks = facets_of(tallies, settings)
    obstacle = why_not_comparable(known[0], subject.label, subject.positive, settings.group) if known else ""
    remarks += [obstacle] if obstacle else []
    before = known[0] if known and not obstacle else None
    measured = [
        FacetMeasures(facet, measure(facet, settings, before.facet(facet.name) if before else None)) for facet in facets
    ]
    if known is None:
        remarks.append("There is no report on an approved model to compare with yet.")
    present = tallies["pre_training"].present | tallies["post_training"].present
    absent = [name for name in settings.used_columns if name not in present]
    over = tallies["pre_training"].overflowing | tallies["post_training"].overflowing
    uncounted = [settings.facets[index].name for index in sorted(over)]
    verdict = judge(verdict_of(measured, settings, absent, uncounted, remarks), settings.waivers, today)
    document = BiasDocument(
        label=subject.label,
        positive=subject.positive,
        group=settings.group,
        splits={str(stage): split for stage, split in subject.splits.items()},
        confidence=settings.confidence,
        replicates=settings.replicates,
        min_rows=settings.min_rows,
        facets=facet_reports(measured, statuses(verdict.findings)),
        compared_with=known[1] if known and before else None,
        remarks=tuple(remarks),
    )
    return document, verdict
