"""The one typed configuration: `load_config` reads a YAML file and reports every mistake at once.

Each section is a frozen model; the sections that settle a component's behaviour are that component's own
dataclasses, so there is one definition of every key and default. docs/config.md explains each key and is
tested against these models.
"""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from components.attribution_drift.settings import AttributionDriftSettings
from components.bias_evaluator.settings import BiasSettings
from components.data_quality_gate.settings import QualitySettings
from components.distribution_validator.settings import DistributionSettings
from components.endpoint_pusher.settings import DeploySettings, Target
from components.evaluator.settings import EvaluationSettings
from components.explainer.settings import ExplanationSettings
from components.human_review.settings import ReviewSettings
from components.model_approval.settings import ApprovalSettings
from components.model_card.settings import CardSettings
from components.model_registry.settings import RegistrySettings
from components.serving_check.settings import ServingCheckSettings
from components.signing.settings import SigningSettings
from components.training_balancer.settings import BalancingSettings
from components.validation_gate.policy import GatePolicy
from models.tabular_text.features import DType, FeatureKind, LabelKind
from models.tabular_text.settings import ModelSettings, TrainingSettings, TunerSettings
from pipeline.aws_settings import AwsSettings, ResourceLine
from pipeline.beam_settings import BeamSettings
from pipeline.cache_policy import CachePolicy, NodePolicy
from pipeline.config_errors import explain, merge, not_finite
from pipeline.errors import ConfigError
from pipeline.kubeflow_settings import KubeflowSettings

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
"""What every runner accepts as a pipeline name (SageMaker: 256 of [A-Za-z0-9-]; Kubernetes: 63 of [a-z0-9-])."""

EXTENDS = "extends"
"""The key of a file that says what it has in common with another one, and holds only what differs."""

REMOTE = "://"
"""What a URI has and a path of this machine has not."""

_SERVING_IMAGE = "deploy.image, the image that serves (penstock image build --variant serving)"

_SPLIT_NAME = re.compile(r"[A-Za-z0-9_]{1,40}")
"""A split is a folder of each artifact."""


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values are never converted between types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PipelineSection(Section):
    """What the pipeline is called and where it keeps everything."""

    name: str
    root: str = ".penstock"
    cache: bool = True

    @field_validator("name")
    @classmethod
    def _is_a_name_everywhere(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError("needs 1 to 63 lower-case letters, digits and dashes, a letter first")
        return name


class DataSection(Section):
    """Where the rows come from and how they are read and split."""

    path: Annotated[str, Field(min_length=1)]
    span: Annotated[int, Field(ge=0)] | None = None
    format: Literal["auto", "csv", "tsv", "parquet", "tfrecord"] = "auto"
    column_types: Mapping[str, DType] = Field(default_factory=dict)
    null_values: Sequence[str] | None = None
    splits: Mapping[str, Annotated[int, Field(ge=1, le=1_000_000)]] = Field(
        default_factory=lambda: {"train": 8, "eval": 2}
    )
    split_by: str | None = None
    on_bad_rows: Literal["fail", "quarantine"] = "fail"
    max_bad_fraction: Annotated[float, Field(ge=0, le=1)] = 0.01

    @field_validator("splits")
    @classmethod
    def _has_train_and_eval(cls, splits: Mapping[str, int]) -> Mapping[str, int]:
        odd = [name for name in splits if not _SPLIT_NAME.fullmatch(name)]
        if odd:
            raise ValueError(
                f"a split's name is made of letters, digits and underscores, unlike {', '.join(map(repr, odd))}"
            )
        missing = [name for name in ("train", "eval") if name not in splits]
        if missing:
            raise ValueError(
                f"needs a split named {' and one named '.join(missing)}, has {', '.join(splits) or 'none'}"
            )
        return splits


class SchemaSection(Section):
    """The data contract."""

    path: str | None = None


class LabelSection(Section):
    """The column to predict."""

    column: Annotated[str, Field(min_length=1)]
    kind: LabelKind | None = None


class FeaturesSection(Section):
    """How columns enter the model; what is not said here is inferred (`penstock plan` shows it)."""

    kinds: Mapping[str, FeatureKind] = Field(default_factory=dict)
    include: Sequence[str] | None = None
    exclude: Sequence[str] = ()
    max_tokens: Annotated[int, Field(ge=1)] = 64
    text_vocabulary_size: Annotated[int, Field(ge=1)] = 20_000
    categorical_vocabulary_size: Annotated[int, Field(ge=1)] = 1_000
    oov_buckets: Annotated[int, Field(ge=1)] = 1
    max_int_categories: Annotated[int, Field(ge=2)] = 20
    profile_rows: Annotated[int, Field(ge=1)] = 200_000


@dataclasses.dataclass(frozen=True)
class TunerSection(TunerSettings):
    """The search for hyperparameters before training."""

    enabled: bool = False

    @property
    def search(self) -> TunerSettings:
        """The search's own settings."""
        return TunerSettings(**{field.name: getattr(self, field.name) for field in dataclasses.fields(TunerSettings)})


class PushSection(Section):
    """Where blessed models go."""

    directory: str | None = None


CachedNode = Literal[
    "ArrowExampleGen",
    "DataQualityGate",
    "StatisticsGen",
    "SchemaGen",
    "ImportSchemaGen",
    "ExampleValidator",
    "ValidationGate",
    "DistributionValidator",
    "Transform",
    "TrainingBalancer",
    "Tuner",
    "Trainer",
    "Evaluator",
    "ServingCheck",
    "BiasEvaluator",
    "Explainer",
    "AttributionDrift",
    "HumanReview",
    "ModelCard",
    "ModelApproval",
    "Pusher",
    "ModelRegistry",
    "EndpointPusher",
]
"""The nodes that the definition can make and that have a cache; latest_blessed_model has none, it always looks anew."""

ResourceNode = Literal[
    "default",
    CachedNode,
    "previous_metrics",
    "previous_distribution",
    "latest_blessed_model",
    "latest_approved_bias",
    "latest_approved_attributions",
    "notify",
]
"""The nodes that can be a job of their own, the line for all others, and the last task of a run on Kubeflow."""


class Config(Section):
    """The whole configuration of one pipeline; paths in it are absolute after `load_config`."""

    pipeline: PipelineSection
    data: DataSection
    label: LabelSection
    schema_: SchemaSection = Field(default=SchemaSection(), alias="schema")
    quality: QualitySettings = QualitySettings()
    validation: GatePolicy = GatePolicy()
    distribution: DistributionSettings = DistributionSettings()
    features: FeaturesSection = FeaturesSection()
    model: ModelSettings = ModelSettings()
    balancing: BalancingSettings = BalancingSettings()
    training: TrainingSettings = TrainingSettings()
    tuner: TunerSection = TunerSection()
    evaluation: EvaluationSettings = EvaluationSettings()
    serving_check: ServingCheckSettings = ServingCheckSettings()
    bias: BiasSettings = BiasSettings()
    explanation: ExplanationSettings = ExplanationSettings()
    attribution_drift: AttributionDriftSettings = AttributionDriftSettings()
    card: CardSettings = CardSettings()
    approval: ApprovalSettings = ApprovalSettings()
    review: ReviewSettings = ReviewSettings()
    push: PushSection = PushSection()
    signing: SigningSettings = SigningSettings()
    registry: RegistrySettings = RegistrySettings()
    deploy: DeploySettings = DeploySettings()
    beam: BeamSettings = BeamSettings()
    nodes: Mapping[CachedNode, NodePolicy] = Field(default_factory=dict)
    aws: AwsSettings | None = None
    kubeflow: KubeflowSettings | None = None
    resources: Mapping[ResourceNode, ResourceLine] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _label_is_no_feature(self) -> "Config":
        if self.label.column in self.features.kinds or self.label.column in (self.features.include or ()):
            raise ValueError(
                f"label.column {self.label.column!r} is named under features too; a label cannot be a feature"
            )
        return self

    @model_validator(mode="after")
    def _classes_are_balanced_once(self) -> "Config":
        if self.balancing.enabled and self.training.class_weights != "none":
            raise ValueError(
                f"balancing.method is {self.balancing.method} and training.class_weights is "
                f"{self.training.class_weights}: the classes would be balanced twice; set one of them to none"
            )
        searched = self.tuner.search_space.get("class_weights") if self.tuner.enabled else None
        if self.balancing.enabled and searched is not None and "balanced" in searched.values:
            raise ValueError(
                f"balancing.method is {self.balancing.method} and tuner.search_space.class_weights tries 'balanced': "
                "the classes would be balanced twice; take class_weights out of the search, or set balancing.method to "
                "none"
            )
        return self

    @model_validator(mode="after")
    def _what_is_deployed_can_be_trusted(self) -> "Config":
        if not self.deploy.enabled:
            return self
        lacking = [
            what
            for what, is_there in (
                ("a section aws, which says where", self.aws is not None),
                ("signing.mode key or kms, because only signed models are deployed", self.signing.signs),
                ("registry.enabled, because only registered versions are deployed", self.registry.enabled),
                (_SERVING_IMAGE, self.deploy.image is not None),
            )
            if not is_there
        ]
        if lacking:
            raise ValueError(f"deploy.enabled needs {'; '.join(lacking)}")
        return self

    def at(self, root: str) -> "Config":
        """The same configuration with everything of the pipeline kept below another root, such as `s3://…`."""
        return self.model_copy(update={"pipeline": self.pipeline.model_copy(update={"root": root})})

    @property
    def is_remote(self) -> bool:
        """True if the root is no folder of this machine."""
        return REMOTE in self.pipeline.root

    def place(self, *names: str) -> str:
        """The path or URI of something below the root."""
        if self.is_remote:
            return "/".join([self.pipeline.root.rstrip("/"), *names])
        return str(Path(self.pipeline.root, *names))

    @property
    def root(self) -> Path:
        """The folder that holds the store, the artifacts, the runs' logs and (by default) the pushed models.

        Raises:
          ConfigError: the root is no folder of this machine.
        """
        if self.is_remote:
            raise ConfigError(
                [
                    f"pipeline.root is '{self.pipeline.root}', and this command works on a folder of this machine. "
                    "Leave pipeline.root local: runs on AWS keep everything at aws.root."
                ]
            )
        return Path(self.pipeline.root)

    def _local(self, place: str) -> Path:
        """The place as a path; raises as `root`."""
        return self.root / Path(place).relative_to(self.root)

    @property
    def approvals_place(self) -> str:
        """The record of requests for approval and of decisions."""
        return self.place("approvals", f"{self.pipeline.name}.jsonl")

    @property
    def approvals_path(self) -> Path:
        """`approvals_place` of a pipeline on this machine."""
        return self._local(self.approvals_place)

    @property
    def answers_place(self) -> str:
        """The record of people's answers to rows."""
        return self.place("review", self.pipeline.name, "answers.jsonl")

    @property
    def answers_path(self) -> Path:
        """`answers_place` of a pipeline on this machine."""
        return self._local(self.answers_place)

    @property
    def model_name(self) -> str:
        """The model's name in the registry."""
        return self.registry.name or self.pipeline.name

    @property
    def registry_place(self) -> str:
        """The registry: the record, and on this machine a folder a stage that servers can watch."""
        return self.place("registry", self.model_name)

    @property
    def registry_path(self) -> Path:
        """`registry_place` of a pipeline on this machine."""
        return self._local(self.registry_place)

    @property
    def deploys(self) -> bool:
        """True if runs end with an EndpointPusher: those whose root is on S3, where an endpoint can read from."""
        return self.deploy.enabled and self.is_remote

    @property
    def deploy_target(self) -> Target:
        """Where models are deployed.

        Raises:
          ConfigError: there is no section `aws`, or no serving image.
        """
        aws = self.on_aws
        if self.deploy.image is None:
            raise ConfigError([f"To deploy, the configuration needs {_SERVING_IMAGE}."])
        return Target(
            region=aws.region,
            endpoint=self.deploy.endpoint or self.pipeline.name[:40].rstrip("-"),
            root=aws.root,
            image=self.deploy.image,
            role=self.deploy.role or aws.job_role,
            kms_key=aws.kms_key,
            subnets=aws.subnets,
            security_groups=aws.security_groups,
            tags=aws.tags,
        )

    @property
    def on_aws(self) -> AwsSettings:
        """The section `aws`.

        Raises:
          ConfigError: there is none.
        """
        if self.aws is None:
            raise ConfigError(
                ["There is no section 'aws' in the configuration, and this runner needs one: docs/sagemaker.md."]
            )
        return self.aws

    @property
    def on_kubeflow(self) -> KubeflowSettings:
        """The section `kubeflow`.

        Raises:
          ConfigError: there is none.
        """
        if self.kubeflow is None:
            raise ConfigError(
                ["There is no section 'kubeflow' in the configuration, and this runner needs one: docs/kubeflow.md."]
            )
        return self.kubeflow

    @property
    def resource_lines(self) -> dict[str, ResourceLine]:
        """What nodes' jobs run on; `default` for those that are not named."""
        return {str(node_id): line for node_id, line in self.resources.items()}

    @property
    def caching(self) -> CachePolicy:
        """When each node may take an earlier answer."""
        return CachePolicy({str(node_id): policy for node_id, policy in self.nodes.items()})

    @property
    def push_directory(self) -> str:
        """Where blessed models go, one numbered folder a version (TensorFlow Serving's layout)."""
        return self.push.directory or self.place("pushed", self.pipeline.name)


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The configuration in `path`, with `key.subkey=value` overrides put over it and its paths made absolute.

    A file that `extends` another one is put over that one, key by key; paths in both are relative to the other one.

    Raises:
      ConfigError: listing every unknown key, wrong type and bad value with file, line and key.
    """
    layers = _layers(path)
    path, tree = layers[0]
    changed = {loc: place for over, keys in layers[1:] for loc, place in merge(tree, keys, str(over)).items()}
    changed |= _apply_overrides(tree, overrides)
    _spell_out(tree)
    try:
        config = Config.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        problems = explain(error, Config, tree, str(path), changed)
        raise ConfigError(not_finite(tree, str(path), changed) + problems) from error
    except (TypeError, ValueError) as error:  # YAML knows sets, binaries, tags and loops, which JSON does not
        raise ConfigError(
            [f"{path}: holds a kind of YAML value that no key takes ({error}). Use plain values."]
        ) from error
    problems = not_finite(tree, str(path), changed)
    if problems:
        raise ConfigError(problems)
    return _absolute(config, path.resolve().parent)


def _layers(path: Path) -> list[tuple[Path, dict[str, Any]]]:
    """The file and those that it `extends`, that which all others extend first.

    Raises:
      ConfigError: a file cannot be read, or extends itself.
    """
    found: list[tuple[Path, dict[str, Any]]] = []
    while True:
        if any(path.resolve() == seen.resolve() for seen, _ in found):
            raise ConfigError([f"{path}: extends itself, by way of {found[-1][0]}. Take one 'extends' out."])
        tree = _parse_yaml(_read_text(path), str(path))
        if not isinstance(tree, dict):
            seen_type = "nothing" if tree is None else type(tree).__name__
            raise ConfigError([f"{path}: expected sections such as 'pipeline:' and 'data:', found {seen_type}."])
        _spell_out(tree)
        found.insert(0, (path, tree))
        extended = tree.pop(EXTENDS, None)
        if extended is None:
            return found
        if not isinstance(extended, str):
            raise ConfigError([f"{path}: '{EXTENDS}' is the path of one other configuration, found {extended!r}."])
        path = path.parent / extended


def _spell_out(tree: dict[str, Any]) -> None:
    """Puts the long form where the file has a short one: `approval: required` is `approval: {mode: required}`."""
    if isinstance(tree.get("approval"), str):
        tree["approval"] = {"mode": tree["approval"]}


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise ConfigError([f"{path}: there is no such configuration file. Name one with --config FILE."])
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 text (byte {error.start}). Save it as UTF-8."]) from error


class _Constructor(RoundTripConstructor):
    """Leaves dates as text: the models check them, and name the key when they are wrong."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


def _parse_yaml(text: str, where: str) -> Any:
    """The value that a YAML text holds; `where` names it in messages."""
    yaml = YAML(typ="rt")
    yaml.Constructor = _Constructor
    try:
        return yaml.load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where}:{mark.line + 1}:{mark.column + 1}" if mark else where
        raise ConfigError([f"{place}: not valid YAML: {error.problem}."]) from error
    except (YAMLError, ValueError) as error:
        raise ConfigError([f"{where}: not valid YAML: {error}"]) from error


def _apply_overrides(tree: dict[str, Any], overrides: Sequence[str]) -> dict[tuple[int | str, ...], str]:
    """Puts the overrides into `tree`; returns the keys they set, and by what."""
    changed: dict[tuple[int | str, ...], str] = {}
    problems: list[str] = []
    for override in overrides:
        key, separator, value = override.partition("=")
        if not separator or not key:
            problems.append(f"--set {override}: expected KEY=VALUE, such as training.epochs=3.")
            continue
        loc = tuple(key.split("."))
        parent: Any = tree
        for part in loc[:-1]:
            parent = parent.setdefault(part, {}) if isinstance(parent, dict) else None
        if not isinstance(parent, dict):
            problems.append(f"--set {override}: {'.'.join(loc[:-1])} is a single value, it has no keys.")
            continue
        try:
            parent[loc[-1]] = _parse_yaml(value, f"--set {override}")
        except ConfigError as error:
            problems += error.problems
        changed[loc] = f"--set {key}"
    if problems:
        raise ConfigError(problems)
    return changed


def _absolute(config: Config, base: Path) -> Config:
    def absolute(path: str) -> str:
        return path if REMOTE in path else str(base / Path(path).expanduser())

    def changed(section: Section, key: str) -> Section:
        value = getattr(section, key)
        return section if value is None else section.model_copy(update={key: absolute(value)})

    def jar(server: Any) -> Any:
        path = None if server is None else server.job_server_jar
        return server if path is None else dataclasses.replace(server, job_server_jar=absolute(path))

    requests = config.distribution.serving_path

    return config.model_copy(
        update={
            "pipeline": changed(config.pipeline, "root"),
            "data": changed(config.data, "path"),
            "schema_": changed(config.schema_, "path"),
            "push": changed(config.push, "directory"),
            "beam": dataclasses.replace(config.beam, flink=jar(config.beam.flink), spark=jar(config.beam.spark)),
            "distribution": dataclasses.replace(
                config.distribution, serving_path=None if requests is None else absolute(requests)
            ),
            "review": dataclasses.replace(config.review, path=config.review.path and absolute(config.review.path)),
            "signing": dataclasses.replace(
                config.signing,
                private_key=config.signing.private_key and absolute(config.signing.private_key),
                public_key=config.signing.public_key and absolute(config.signing.public_key),
            ),
        }
    )
