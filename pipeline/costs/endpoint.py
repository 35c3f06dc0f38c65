"""The cost of an endpoint that is always there: instances times hours, within its autoscaling range."""

import dataclasses

from pipeline.costs.prices import Endpoint, PriceTable
from pipeline.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class EndpointCost:
    """An endpoint's month; `least` with its fewest instances all the time, `most` with the largest number."""

    endpoint: Endpoint
    per_hour: float
    least: float
    most: float
    least_savings_plan: float
    most_savings_plan: float


def estimate_endpoint(endpoint: Endpoint, prices: PriceTable) -> EndpointCost:
    """The month of the endpoint.

    Raises:
      ConfigError: the table has no price for hosting on that type.
    """
    per_hour = prices.hourly(endpoint.instance_type, "hosting")
    if per_hour is None:
        raise ConfigError([f"The endpoint: {prices.lacking(endpoint.instance_type, 'hosting')}"])
    instance = per_hour * prices.assumptions.hours_per_month
    volume = endpoint.volume_gb * prices.storage.volume_gb_month
    planned = instance * prices.savings_plan.price_share
    return EndpointCost(
        endpoint=endpoint,
        per_hour=per_hour,
        least=endpoint.min_instances * (instance + volume),
        most=endpoint.max_instances * (instance + volume),
        least_savings_plan=endpoint.min_instances * (planned + volume),
        most_savings_plan=endpoint.max_instances * (planned + volume),
    )
