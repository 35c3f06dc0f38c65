"""What a run on a platform has cost by the table's prices: the seconds that the platform bills for each job."""

import dataclasses
from collections.abc import Sequence

from pipeline.costs.prices import PriceTable
from pipeline.errors import ConfigError
from pipeline.runners.remote import JobUsage


@dataclasses.dataclass(frozen=True)
class SpentJob:
    """A job, and its amount in the table's currency."""

    used: JobUsage
    per_hour: float
    amount: float

    @property
    def saved(self) -> float:
        """What managed spot has saved: seconds that ran and are not billed."""
        return self.used.instances * self.per_hour * max(self.used.ran_s - self.used.billed_s, 0) / 3600


def spent_on(usages: Sequence[JobUsage], prices: PriceTable) -> tuple[SpentJob, ...]:
    """The amount of each job; a volume is paid as long as its machine runs.

    Raises:
      ConfigError: listing each instance type that the table has no price for.
    """
    lacking = [
        f"Job '{used.name}': {prices.lacking(used.instance_type, used.kind)}"
        for used in usages
        if prices.hourly(used.instance_type, used.kind) is None
    ]
    if lacking:
        raise ConfigError(lacking)
    return tuple(_spent(used, prices) for used in usages)


def _spent(used: JobUsage, prices: PriceTable) -> SpentJob:
    per_hour = prices.hourly(used.instance_type, used.kind) or 0.0
    volume_per_hour = used.volume_gb * prices.storage.volume_gb_month / prices.assumptions.hours_per_month
    amount = used.instances * (per_hour * used.billed_s + volume_per_hour * used.ran_s) / 3600
    return SpentJob(used, per_hour, amount)
