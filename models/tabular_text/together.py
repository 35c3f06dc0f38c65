"""One training on several machines: each step's rows are dealt out, the gradients summed, all keep the same weights.

    every machine: the same batches in the same order → its own rows of each → a step of Keras's → gradients summed

A step is that of one machine with the whole batch, up to the order in which sums are taken. Why not `Model.fit`: that
of Keras 3.15 fails under MultiWorkerMirroredStrategy, because it adds up the machines' first batches as if they were
one tensor. Steps and metrics are Keras's own all the same.
"""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.tabular_text.workers import Workers

_SEED = "seed_generator_state"
"""The name of Keras's variables of a seed and a counter, of which it makes random numbers."""


class Together:
    """Trains and measures a model whose strategy spans machines; every machine makes the same calls.

    A call returns when all machines have made it, and the same on all of them.

    Attributes:
      workers: the machines.
      rows_seen: rows that this machine has learnt from in the last epoch.
    """

    def __init__(self, model: keras.Model, workers: Workers) -> None:
        """Of a model built and compiled in the scope of its strategy."""
        self.workers, self._model = workers, model
        self.rows_seen = 0
        self._strategy: tf.distribute.Strategy = model.distribute_strategy
        self._train_step = tf.function(self._trained, autograph=False, reduce_retracing=True)
        self._test_step = tf.function(self._tested, autograph=False, reduce_retracing=True)
        run = self._strategy.run
        self._sum_of_first = tf.function(
            lambda *values: run(_first_alone, args=values), autograph=False, reduce_retracing=True
        )

    @classmethod
    def of(cls, model: keras.Model) -> "Together | None":
        """None for a model of this machine alone."""
        if not isinstance(model.distribute_strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return None
        return cls(model, Workers.of(os.environ))

    def train(self, batches: tf.data.Dataset, callbacks: Sequence[keras.callbacks.Callback]) -> dict[str, float]:
        """The metrics of an epoch over these batches of (inputs, label[, weight]), whose number is known.

        Callbacks hear of steps only, with this machine's own loss. `rows_seen` is set anew.
        """
        with self._strategy.scope():
            self._model.reset_metrics()
            dealt = iter(self._strategy.distribute_datasets_from_function(lambda place: _dealt(batches, place)))
        seen = tf.constant(0)
        for step in range(int(batches.cardinality())):
            with self._strategy.scope():
                loss, rows = self._train_step(dealt)
            seen += rows
            # Outside the scope, where one machine may make a variable, for a checkpoint, that another one has already.
            for callback in callbacks:
                callback.on_train_batch_end(step, {"loss": loss})
        self.rows_seen = int(seen)
        return self._metrics()

    def evaluate(self, blocks: tf.data.Dataset) -> dict[str, float]:
        """The metrics over these blocks of (inputs, label): every machine measures some, the sums are those of all."""
        with self._strategy.scope():
            self._model.reset_metrics()
            for block in blocks.shard(self.workers.count, self.workers.index):
                self._test_step(block)
        return self._metrics()

    def follow_chief(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The first machine's JSON, after giving the model and its optimizer that machine's values.

        Its checkpoints are the only ones that count, and nobody else need have them. Dropout's random numbers are then
        set apart: machines that drop the same units would learn from half as many masks.
        """
        variables = [*self._model.variables, *self._model.optimizer.variables]
        with self._strategy.scope():
            values = self._from_chief([_sendable(variable.numpy()) for variable in variables])
            for variable, value in zip(variables, values, strict=True):
                own = [self.workers.index, 0] if variable.name == _SEED else 0
                variable.value.assign(tf.cast(value, variable.dtype) + tf.cast(own, variable.dtype))
        return self.data_of_chief(data)

    def data_of_chief(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The first machine's JSON, for what all have to go by."""
        content = np.frombuffer(json.dumps(data).encode(), np.uint8).astype(np.int64)
        with self._strategy.scope():
            (length,) = self._from_chief([np.int64(content.size)])
            mine = content if self.workers.is_chief else np.zeros(int(length), np.int64)
            (text,) = self._from_chief([mine])
        found: dict[str, Any] = json.loads(text.numpy().astype(np.uint8).tobytes())
        return found

    def _trained(self, dealt: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """This machine's loss and its number of rows."""
        batch = next(dealt)
        answers = self._strategy.run(self._model.train_step, args=(batch,))
        rows = [tf.shape(label)[0] for label in self._strategy.experimental_local_results(batch[1])]
        return self._strategy.experimental_local_results(answers["loss"])[0], tf.add_n(rows)

    def _tested(self, block: Any) -> None:
        self._strategy.run(self._model.test_step, args=(block,))

    def _metrics(self) -> dict[str, float]:
        with self._strategy.scope():
            return {name: float(value) for name, value in self._model.get_metrics_result().items()}

    def _from_chief(self, values: Sequence[Any]) -> list[tf.Tensor]:
        """The first replica's values: each is the sum of its own and nothing from all others."""
        summed = self._sum_of_first(*map(tf.constant, values))
        return [self._strategy.experimental_local_results(value)[0] for value in summed]


def _first_alone(*values: tf.Tensor) -> list[tf.Tensor]:
    replica = tf.distribute.get_replica_context()
    is_first = tf.equal(replica.replica_id_in_sync_group, 0)
    mine = [tf.where(is_first, value, tf.zeros_like(value)) for value in values]
    return [replica.all_reduce(tf.distribute.ReduceOp.SUM, value) for value in mine]


def _sendable(value: Any) -> Any:
    """The value in a number format that machines can sum."""
    return value if np.issubdtype(value.dtype, np.floating) else value.astype(np.int64)


def _dealt(batches: tf.data.Dataset, place: tf.distribute.InputContext) -> tf.data.Dataset:
    """This machine's rows of every batch, one share after the other for each of its devices."""
    shares = place.num_replicas_in_sync
    here = shares // place.num_input_pipelines
    numbers = tf.data.Dataset.range(here).map(lambda number: number + place.input_pipeline_id * here)
    steps = int(batches.cardinality()) * here
    dealt = batches.flat_map(lambda *batch: numbers.map(lambda number: share_of(batch, number, shares)))
    return dealt.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(tf.data.AUTOTUNE)


def share_of(batch: tuple[Any, ...], number: Any, shares: int) -> tuple[Any, tf.Tensor, tf.Tensor]:
    """Every `shares`-th row of (inputs, label[, weight]) from row `number` on, as (inputs, label, weight).

    Keras takes the mean over a share and then over the shares. The weights make that the mean over the batch, also if
    the shares are not of one size. A batch with fewer rows than shares cannot be dealt out: everybody gets all of it.
    """
    inputs, label = batch[:2]
    rows = tf.shape(label)[0]
    can_deal = rows >= shares
    chosen = tf.range(tf.where(can_deal, tf.cast(number, tf.int32), 0), rows, tf.where(can_deal, shares, 1))
    own = tf.shape(chosen)[0]
    scale = tf.where(can_deal, tf.cast(shares * own, tf.float32) / tf.cast(rows, tf.float32), 1.0)
    weight = tf.gather(batch[2], chosen) * scale if len(batch) > 2 else tf.fill([own], scale)
    return tf.nest.map_structure(lambda column: tf.gather(column, chosen), inputs), tf.gather(label, chosen), weight
