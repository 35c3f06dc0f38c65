"""The one pipeline: `create_pipeline` says which nodes exist and how they connect, for every runner.

    ArrowExampleGen → (DataQualityGate)
      → StatisticsGen → ImportSchemaGen | SchemaGen → ExampleValidator → ValidationGate
      → previous_distribution (Resolver) → (DistributionValidator)
      → Transform → (TrainingBalancer) → (Tuner) → Trainer → latest_blessed_model (Resolver) → Evaluator → ServingCheck
      → (BiasEvaluator) → (Explainer → AttributionDrift)
      → (HumanReview) → (ModelCard) → ModelApproval → Pusher → (ModelRegistry → (EndpointPusher))

TensorFlow and TFX are imported inside `create_pipeline`: the command line reads this module too.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

from models.tabular_text.features import FeatureSpec
from pipeline.beam_options import beam_options, check_reach

if TYPE_CHECKING:
    from pipeline.config import Config


@dataclasses.dataclass(frozen=True)
class StagedFile:
    """A file of this machine that the run reads, and where it is put for the run.

    Attributes:
      path: on this machine.
      digest: SHA-256 of its bytes.
      uri: where the run's nodes find it.
    """

    path: str
    digest: str
    uri: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is settled before compiling: the configuration's open questions, answered.

    Attributes:
      features: every column's part in the model.
      input_base: folder (or URI) under which the data lies.
      input_pattern: TFX input pattern below it, may hold {SPAN}, {VERSION} and date fields.
      schema_digest: SHA-256 of the curated schema file, None if the schema is inferred.
      notes: what the user should know before running, one sentence each.
      staged: files of this machine that jobs elsewhere read, beside the curated schema.
    """

    features: FeatureSpec
    input_base: str
    input_pattern: str
    schema_digest: str | None
    notes: tuple[str, ...] = ()
    staged: tuple[StagedFile, ...] = ()

    def place_of(self, path: str | None) -> str | None:
        """Where the run's nodes find the file: where it was staged, if it was; else where it is."""
        return next((file.uri for file in self.staged if file.path == path), path)


def staged_schema_uri(config: "Config", plan: Plan) -> str:
    """Where the curated schema's bytes are put before a run: named by digest, so that an edit misses the cache."""
    return config.place("artifacts", config.pipeline.name, "inputs", "schema", str(plan.schema_digest), "schema.pbtxt")


def artifact_root(config: "Config") -> str:
    """The root of all artifact URIs of this pipeline."""
    return config.place("artifacts", config.pipeline.name)


def create_pipeline(config: "Config", plan: Plan) -> Any:
    """The `tfx.dsl.Pipeline` of this configuration.

    Pure: reads no file, no clock and no environment.

    Raises:
      ConfigError: a node would run where it cannot reach the pipeline's root.
    """
    check_reach(config.beam, config.pipeline.root)
    from tfx.components.example_validator.component import ExampleValidator
    from tfx.components.schema_gen.component import SchemaGen
    from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
    from tfx.components.statistics_gen.component import StatisticsGen
    from tfx.components.trainer.component import Trainer
    from tfx.components.transform.component import Transform
    from tfx.dsl.components.base.executor_spec import BeamExecutorSpec
    from tfx.dsl.components.common.resolver import Resolver
    from tfx.orchestration.pipeline import Pipeline
    from tfx.proto import pusher_pb2, trainer_pb2
    from tfx.types import standard_artifacts
    from tfx.types.channel import Channel, union

    from components.arrow_example_gen.component import ArrowExampleGen
    from components.attribution_drift.component import AttributionDrift
    from components.bias_evaluator.artifact import BiasReport
    from components.bias_evaluator.component import BiasEvaluator
    from components.data_quality_gate.artifact import QualityMetrics
    from components.data_quality_gate.component import DataQualityGate
    from components.distribution_validator.artifact import DistributionSummary
    from components.distribution_validator.component import DistributionValidator
    from components.endpoint_pusher.component import EndpointPusher
    from components.evaluator.component import Evaluator
    from components.explainer.artifact import ModelExplanation
    from components.explainer.component import Explainer
    from components.gate.approved_evidence import ApprovedEvidenceStrategy
    from components.gate.approved_models import LatestApprovedModelStrategy
    from components.gate.previous_span import PreviousSpanStrategy
    from components.human_review.component import HumanReview
    from components.model_approval.artifact import ModelApproval as ModelApprovalArtifact
    from components.model_approval.component import ModelApproval
    from components.model_card.component import ModelCard
    from components.model_registry.component import ModelRegistry
    from components.pusher.component import Pusher
    from components.serving_check.component import ServingCheck
    from components.training_balancer.component import TrainingBalancer
    from components.tuner.component import Tuner
    from components.validation_gate.component import ValidationGate

    example_gen = ArrowExampleGen(
        input_base=plan.input_base,
        pattern=plan.input_pattern,
        read=read_options(config, plan),
        splits=config.data.splits,
        split_by=config.data.split_by,
        range_config=None if config.data.span is None else _only_span(config.data.span),
    )
    examples = example_gen.outputs["examples"]

    previous_metrics, data_quality_gate = None, None
    if config.quality.enabled:
        previous_metrics = Resolver(
            strategy_class=PreviousSpanStrategy, current=examples, earlier=Channel(type=QualityMetrics)
        ).with_id("previous_metrics")
        data_quality_gate = DataQualityGate(
            examples=examples, settings=config.quality, previous_metrics=previous_metrics.outputs["earlier"]
        )

    statistics_gen = StatisticsGen(examples=examples)
    statistics = statistics_gen.outputs["statistics"]

    if plan.schema_digest is None:
        schema_gen = SchemaGen(statistics=statistics, infer_feature_shape=False)
    else:
        schema_gen = ImportSchemaGen(schema_file=staged_schema_uri(config, plan))
    schema = schema_gen.outputs["schema"]

    example_validator = ExampleValidator(statistics=statistics, schema=schema)
    validation_gate = ValidationGate(
        statistics=statistics,
        schema=schema,
        anomalies=example_validator.outputs["anomalies"],
        policy=config.validation,
    )

    previous_distribution, distribution_validator = None, None
    if config.distribution.enabled:
        previous_distribution = Resolver(
            strategy_class=PreviousSpanStrategy, current=examples, earlier=Channel(type=DistributionSummary)
        ).with_id("previous_distribution")
        distribution_validator = DistributionValidator(
            examples=examples,
            features=plan.features,
            settings=dataclasses.replace(
                config.distribution, serving_path=plan.place_of(config.distribution.serving_path)
            ),
            previous=previous_distribution.outputs["earlier"],
        )

    transform = Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn="models.tabular_text.preprocessing.preprocessing_fn",
        custom_config={"features": plan.features.to_json()},
        disable_statistics=True,
        disable_analyzer_cache=True,  # pays only for windows of many spans, and costs a second pass over the data
    )
    data_gates = [gate for gate in (data_quality_gate, validation_gate, distribution_validator) if gate]
    for gate in data_gates:
        transform.add_upstream_node(gate)
    transformed_examples = transform.outputs["transformed_examples"]
    transform_graph = transform.outputs["transform_graph"]

    training_balancer, training_examples = None, transformed_examples
    if config.balancing.enabled:
        training_balancer = TrainingBalancer(
            transformed_examples=transformed_examples,
            transform_graph=transform_graph,
            features=plan.features,
            settings=config.balancing,
        )
        training_examples = training_balancer.outputs["balanced_examples"]

    model_config = {
        "features": plan.features.to_json(),
        "model": config.model.to_json(),
        "training": config.training.to_json(),
    }
    train_args = trainer_pb2.TrainArgs(splits=["train"])
    eval_args = trainer_pb2.EvalArgs(splits=["eval"])
    tuner = None
    if config.tuner.enabled:
        tuner = Tuner(
            examples=training_examples,
            transform_graph=transform_graph,
            tuner_fn="models.tabular_text.tuner.tuner_fn",
            train_args=train_args,
            eval_args=eval_args,
            custom_config={**model_config, "tuner": config.tuner.search.to_json()},
        )
    trainer = Trainer(
        examples=training_examples,
        transform_graph=transform_graph,
        schema=schema,
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
        run_fn="models.tabular_text.train.run_fn",
        train_args=train_args,
        eval_args=eval_args,
        custom_config=model_config,
    )
    model = trainer.outputs["model"]

    latest_blessed_model = Resolver(
        strategy_class=LatestApprovedModelStrategy,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
        approval=Channel(type=ModelApprovalArtifact),
    ).with_id("latest_blessed_model")

    evaluator = Evaluator(
        examples=examples,
        model=model,
        baseline_model=latest_blessed_model.outputs["model"],
        features=plan.features,
        settings=config.evaluation,
        example_splits=[evaluated_split(config)],
    )
    serving_check = ServingCheck(
        model=model,
        evaluation=evaluator.outputs["evaluation"],
        settings=config.serving_check,
    )

    latest_approved_bias, bias_evaluator = None, None
    if config.bias.enabled:
        latest_approved_bias = Resolver(
            strategy_class=ApprovedEvidenceStrategy,
            approval=Channel(type=ModelApprovalArtifact),
            evidence=Channel(type=BiasReport),
        ).with_id("latest_approved_bias")
        bias_evaluator = BiasEvaluator(
            examples=examples,
            model=model,
            evaluation=evaluator.outputs["evaluation"],
            label=plan.features.label,
            settings=config.bias,
            evaluated_split=evaluated_split(config),
            baseline_bias=latest_approved_bias.outputs["evidence"],
        )

    explainer, latest_approved_attributions, attribution_drift = None, None, None
    if config.explanation.enabled:
        explainer = Explainer(
            examples=examples,
            evaluation=evaluator.outputs["evaluation"],
            model=model,
            settings=config.explanation,
            example_splits=[evaluated_split(config)],
        )
        latest_approved_attributions = Resolver(
            strategy_class=ApprovedEvidenceStrategy,
            approval=Channel(type=ModelApprovalArtifact),
            evidence=Channel(type=ModelExplanation),
        ).with_id("latest_approved_attributions")
        attribution_drift = AttributionDrift(
            explanation=explainer.outputs["explanation"],
            model=model,
            settings=config.attribution_drift,
            baseline=latest_approved_attributions.outputs["evidence"],
        )

    human_review = None
    if config.review.enabled:
        human_review = HumanReview(
            examples=examples,
            model=model,
            evaluation=evaluator.outputs["evaluation"],
            label=plan.features.label,
            settings=dataclasses.replace(config.review, path=plan.place_of(config.review.path)),
            reading=read_options(config, plan),
            ledger=config.answers_place,
            split=evaluated_split(config),
        )

    gates = [*data_gates, *(gate for gate in (bias_evaluator, attribution_drift) if gate)]
    verdicts = union(gate.outputs["result"] for gate in gates)
    model_card = None
    if config.card.enabled:
        model_card = ModelCard(
            settings=config.card,
            known=_known(config, plan, [gate.id for gate in gates]),
            evidence={
                "model": model,
                "examples": examples,
                "statistics": statistics,
                "schema": schema,
                "evaluation": evaluator.outputs["evaluation"],
                "blessing": evaluator.outputs["blessing"],
                "infra_blessing": serving_check.outputs["blessing"],
                "verdicts": verdicts,
                "bias": bias_evaluator.outputs["bias"] if bias_evaluator else None,
                "explanation": explainer.outputs["explanation"] if explainer else None,
                "hyperparameters": tuner.outputs["best_hyperparameters"] if tuner else None,
            },
        )
    model_approval = ModelApproval(
        model=model,
        evaluation=evaluator.outputs["evaluation"],
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=serving_check.outputs["blessing"],
        verdicts=verdicts,
        gates=[gate.id for gate in gates],
        settings=config.approval,
        ledger=config.approvals_place,
        packages=_packages(config),
    )
    signing = dataclasses.replace(config.signing, public_key=plan.place_of(config.signing.public_key))
    pusher = Pusher(
        model=model,
        model_blessing=evaluator.outputs["blessing"],
        infra_blessing=serving_check.outputs["blessing"],
        approval=model_approval.outputs["approval"],
        push_destination=pusher_pb2.PushDestination(
            filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=config.push_directory)
        ),
        signing=signing,
    )
    model_registry = None
    if config.registry.enabled:
        model_registry = ModelRegistry(
            pushed_model=pusher.outputs["pushed_model"],
            model=model,
            evaluation=evaluator.outputs["evaluation"],
            approval=model_approval.outputs["approval"],
            name=config.model_name,
            registry=config.registry_place,
            signing=signing,
        )

    endpoint_pusher = None
    if config.deploys and model_registry:
        endpoint_pusher = EndpointPusher(
            pushed_model=pusher.outputs["pushed_model"],
            approval=model_approval.outputs["approval"],
            model_version=model_registry.outputs["model_version"],
            settings=config.deploy,
            target=config.deploy_target,
            signing=signing,
        )

    components = [
        example_gen,
        *([previous_metrics, data_quality_gate] if data_quality_gate else []),
        statistics_gen,
        schema_gen,
        example_validator,
        validation_gate,
        *([previous_distribution, distribution_validator] if distribution_validator else []),
        transform,
        *([training_balancer] if training_balancer else []),
        *([tuner] if tuner else []),
        trainer,
        latest_blessed_model,
        evaluator,
        serving_check,
        *([latest_approved_bias, bias_evaluator] if bias_evaluator else []),
        *([explainer, latest_approved_attributions, attribution_drift] if explainer else []),
        *([human_review] if human_review else []),
        *([model_card] if model_card else []),
        model_approval,
        pusher,
        *([model_registry] if model_registry else []),
        *([endpoint_pusher] if endpoint_pusher else []),
    ]
    for component in components:
        if isinstance(component.executor_spec, BeamExecutorSpec):
            component.executor_spec.add_beam_pipeline_args(beam_options(config.beam, component.id))
    return Pipeline(
        pipeline_name=config.pipeline.name,
        pipeline_root=artifact_root(config),
        enable_cache=config.pipeline.cache,
        components=components,
    )


def _known(config: "Config", plan: Plan, gates: list[str]) -> Any:
    """What the model card can say before the run."""
    from components.model_card.evidence import Known

    return Known(
        name=config.pipeline.name,
        source=plan.input_pattern,
        curated_schema=plan.schema_digest is not None,
        split_by=config.data.split_by,
        features=plan.features,
        model=config.model.to_json(),
        training=config.training.to_json(),
        balancing=config.balancing,
        gates=tuple(gates),
    )


def _packages(config: "Config") -> Any:
    """Where people may decide beside our own commands, None where that is nowhere: runs on this machine have no job."""
    from components.model_registry.packages import PackageSettings

    aws = config.aws
    if aws is None or not config.is_remote or aws.model_package_group is None or config.approval.mode == "auto":
        return None
    return PackageSettings(aws.region, aws.model_package_group, aws.image, config.pipeline.name)


def _only_span(span: int) -> Any:
    from tfx.proto import range_config_pb2

    static = range_config_pb2.StaticRange(start_span_number=span, end_span_number=span)
    return range_config_pb2.RangeConfig(static_range=static)


def evaluated_split(config: "Config") -> str:
    """The split that decides the blessing: `test` where there is one, because `eval` steers early stopping."""
    return "test" if "test" in config.data.splits else "eval"


def read_options(config: "Config", plan: Plan | None = None) -> Any:
    """How ArrowExampleGen reads: what the configuration says, and after planning the types that the plan relies on."""
    from components.arrow_example_gen.options import ReadOptions

    expected, planned_rows = {}, None
    if plan is not None:
        planned_rows = config.features.profile_rows if plan.schema_digest is None else None
        expected = {feature.name: feature.dtype for feature in plan.features.features}
        expected[plan.features.label.name] = plan.features.label.dtype
        expected = {name: dtype for name, dtype in expected.items() if name not in config.data.column_types}
    nulls = {} if config.data.null_values is None else {"null_values": tuple(config.data.null_values)}
    return ReadOptions(
        format=config.data.format,
        column_types=dict(config.data.column_types),
        expected_types=expected,
        planned_rows=planned_rows,
        label=config.label.column,
        label_is_categorical=None if plan is None else plan.features.label.kind != "regression",
        on_bad_rows=config.data.on_bad_rows,
        max_bad_fraction=config.data.max_bad_fraction,
        **nulls,
    )
