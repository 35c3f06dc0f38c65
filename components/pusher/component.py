"""The Pusher node: TFX's, with an executor that publishes atomically."""

from tfx.components.pusher.component import Pusher as TfxPusher
from tfx.dsl.components.base import executor_spec

from components.pusher.executor import Executor


class Pusher(TfxPusher):
    """Pushes a model that both gates bless to a numbered version folder (TensorFlow Serving's layout).

    Inputs and arguments are TFX's. Output `pushed_model`: `PushedModel` with a copy of the model and the custom
    properties `pushed` (0 or 1), `not_pushed_reason` where it is 0, and otherwise `pushed_destination`,
    `pushed_version` and `already_pushed` (1 if the newest version was this very model, and none was added).
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
