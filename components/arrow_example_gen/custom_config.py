"""ReadOptions in TFX's `custom_config` and back."""

from google.protobuf import json_format, struct_pb2
from tfx.proto import example_gen_pb2
from tfx.utils import proto_utils

from components.arrow_example_gen.options import ReadOptions


def pack_options(options: ReadOptions) -> example_gen_pb2.CustomConfig:
    """The options as a Struct within TFX's CustomConfig, readable in the IR and in ML Metadata."""
    config = example_gen_pb2.CustomConfig()
    config.custom_config.Pack(json_format.ParseDict(options.to_json(), struct_pb2.Struct()))
    return config


def unpack_options(custom_config: str) -> ReadOptions:
    """The options from the exec_property `custom_config`, the JSON of a CustomConfig."""
    config = example_gen_pb2.CustomConfig()
    proto_utils.json_to_proto(custom_config, config)
    data = struct_pb2.Struct()
    config.custom_config.Unpack(data)
    return ReadOptions.from_json(json_format.MessageToDict(data))
