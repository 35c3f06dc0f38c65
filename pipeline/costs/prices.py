"""The table of prices and assumptions: shipped as `prices.yaml`, replaced by a file of the user's."""

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.config_errors import explain, not_finite
from pipeline.errors import ConfigError

SHIPPED = Path(__file__).with_name("prices.yaml")

Use = Literal["processing", "training", "hosting"]
Amount = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HourlyPrices(_Section):
    """What an hour costs by use; None where the type is not sold for it."""

    processing: Amount | None = None
    training: Amount | None = None
    hosting: Amount | None = None


class InstancePrice(_Section):
    """An instance type: its size, and what an hour of it costs."""

    cpus: Annotated[int, Field(ge=1)]
    memory_gb: Positive
    gpus: Annotated[int, Field(ge=0)] = 0
    gpu_kind: str | None = None
    per_hour: Amount | HourlyPrices

    def hourly(self, use: Use) -> float | None:
        """The price of an hour, None if the type is not sold for that use."""
        if isinstance(self.per_hour, HourlyPrices):
            found: float | None = getattr(self.per_hour, use)
            return found
        return self.per_hour


class SpotPrices(_Section):
    """Managed spot as shares: of the on-demand price, and of the work that is done again."""

    price_share: Share
    repeated_share: Share


class SavingsPlan(_Section):
    """A savings plan as a share of the on-demand price."""

    price_share: Share


class Storage(_Section):
    """Volumes of jobs and endpoints, a GB and month."""

    volume_gb_month: Amount


class StepFunctionsPrices(_Section):
    """Standard workflows: state transitions."""

    per_1000_transitions: Amount
    transitions_per_job: Annotated[int, Field(ge=1)]


class Endpoint(_Section):
    """What serves the model: so many instances at least and at most."""

    instance_type: str
    min_instances: Annotated[int, Field(ge=1)]
    max_instances: Annotated[int, Field(ge=1)]
    volume_gb: Amount

    @model_validator(mode="after")
    def _has_a_range(self) -> "Endpoint":
        if self.max_instances < self.min_instances:
            raise ValueError(f"min_instances is {self.min_instances} and max_instances only {self.max_instances}")
        return self


class Assumptions(_Section):
    """What nobody has measured; see the comments of `prices.yaml`."""

    start_s: Amount
    billed_start_s: Amount
    unmeasured_s: Amount
    cached_s: Amount
    cpu_speed: Positive
    gpu_speedup: Positive
    instance_efficiency: Share
    hours_per_month: Positive


class PriceTable(_Section):
    """All prices and assumptions; `date` says when they were gathered."""

    date: str
    region: str
    currency: str
    source: str
    instances: Mapping[str, InstancePrice]
    spot: SpotPrices
    savings_plan: SavingsPlan
    storage: Storage
    step_functions: StepFunctionsPrices
    endpoint: Endpoint
    assumptions: Assumptions

    def hourly(self, instance_type: str, use: Use) -> float | None:
        """The price of an hour, None if the table has none."""
        found = self.instances.get(instance_type)
        return None if found is None else found.hourly(use)

    def lacking(self, instance_type: str, use: Use) -> str:
        """What to do about a price that the table does not have."""
        if instance_type in self.instances:
            return f"{instance_type} has no price for {use}; give it one in a file of your own with --prices."
        near = difflib.get_close_matches(instance_type, self.instances, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        return f"{instance_type} is not in the table of prices; add it to a file of your own with --prices.{hint}"


def load_prices(path: Path | None) -> PriceTable:
    """The table in the file, the shipped one without a file.

    Raises:
      ConfigError: listing every mistake with file, line and key.
    """
    path = path or SHIPPED
    tree = _tree(path)
    try:
        table = PriceTable.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        raise ConfigError(not_finite(tree, str(path), {}) + explain(error, PriceTable, tree, str(path), {})) from error
    except (TypeError, ValueError) as error:
        raise ConfigError(
            [f"{path}: holds a kind of YAML value that no key takes ({error}). Use plain ones."]
        ) from error
    if problems := not_finite(tree, str(path), {}):
        raise ConfigError(problems)
    return table


def _tree(path: Path) -> object:
    if not path.is_file():
        raise ConfigError([f"--prices {path}: there is no such file. Copy {SHIPPED} and change it."])
    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except (YAMLError, ValueError) as error:
        raise ConfigError([f"{path}: not valid YAML: {error}"]) from error
    if not isinstance(tree, dict):
        raise ConfigError([f"{path}: expected keys such as 'date' and 'instances'. Copy {SHIPPED} and change it."])
    return tree
