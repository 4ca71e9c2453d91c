import onnx

from playground.model import onnx_proto


def test_schema_is_that_of_onnx() -> None:
    """The vendored schema is the official one, and both live in one process."""
    ours = onnx_proto.ModelProto.DESCRIPTOR.file
    theirs = onnx.ModelProto.DESCRIPTOR.file
    assert ours.serialized_pb == theirs.serialized_pb
    assert ours is not theirs


def test_messages_are_exchanged() -> None:
    ours = onnx_proto.TensorProto(name="w", data_type=1, dims=[2], float_data=[1.0, 2.0])
    theirs = onnx.TensorProto.FromString(ours.SerializeToString())
    assert onnx.numpy_helper.to_array(theirs).tolist() == [1.0, 2.0]
