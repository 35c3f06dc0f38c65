"""Imported by the warm process before it forks: what nodes would otherwise import one by one, 10 to 25 seconds each.

Imports only; nothing of TensorFlow may run here. One thread for the numerical libraries until then, because threads
do not survive a fork.
"""
# ruff: noqa: F401

import gc
import logging
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import tensorflow
import tensorflow_data_validation
import tensorflow_model_analysis
import tensorflow_transform
from tfx.components.evaluator import executor as _evaluator
from tfx.components.example_validator import executor as _example_validator
from tfx.components.pusher import executor as _pusher
from tfx.components.schema_gen import executor as _schema_gen
from tfx.components.statistics_gen import executor as _statistics_gen
from tfx.components.trainer import executor as _trainer
from tfx.components.transform import executor as _transform
from tfx.components.tuner import executor as _tuner
from tfx.dsl.compiler import compiler as _compiler
from tfx.orchestration.portable import launcher as _launcher

import pipeline.caching.loaded_code

_MOST_LINES_LOGGED = 5


def _shorten(record: logging.LogRecord) -> bool:
    """Cuts the dumps of whole pipeline nodes that TFX logs: they bury what a reader looks for."""
    lines = record.getMessage().splitlines()
    if record.levelno <= logging.INFO and len(lines) > _MOST_LINES_LOGGED:
        record.msg, record.args = f"{lines[0]} … ({len(lines)} lines)", None
    return True


logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True)
logging.getLogger("absl").addFilter(_shorten)

# What was imported stays: forks need not look through its objects again and again, nor copy the pages that they are on.
gc.collect()
gc.freeze()
