"""A foci net as an ONNX model, written node by node from net.json, for a fixed input size."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 18
POOLS = {"maxpool": "MaxPool", "avgpool": "AveragePool"}
ACTIVATIONS = {
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.01}),
    "elu": ("Elu", {"alpha": 1.0}),
}


class Writer:
    """Collects nodes, constants and the shape of every result."""

    def __init__(self, tensors, shape):
        self.tensors, self.nodes, self.constants = tensors, [], []
        self.shape_in = shape
        self.sizes = {}

    def constant(self, name, values):
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, kind, inputs, output, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def convolution(self, node, source, result):
        weight, bias = self.tensors[node["id"] + ".weight"], self.tensors[node["id"] + ".bias"]
        kernel, transposed = node["kernel"], node["op"] == "conv_transposed"
        if transposed:
            pad, stride, dilation = (kernel - 2) // 2, 2, 1
            weight = weight.transpose(1, 0, 2, 3)  # ONNX keeps these as [in, out, kh, kw].
        else:
            pad, stride, dilation = node["dilation"] * (kernel // 2), 1, node["dilation"]
        inputs = [
            source,
            self.constant(node["id"] + ".weight", weight),
            self.constant(node["id"] + ".bias", bias),
        ]
        return self.add(
            "ConvTranspose" if transposed else "Conv",
            inputs,
            result,
            pads=[pad] * 4,
            strides=[stride] * 2,
            dilations=[dilation] * 2,
            kernel_shape=[kernel] * 2,
        )

    def activation(self, node, source):
        name = node["activation"]
        if name == "none":
            return source
        if name == "silu":
            return self.add(
                "Mul", [source, self.add("Sigmoid", [source], source + ".sigmoid")], source + ".active"
            )
        kind, attributes = ACTIVATIONS[name]
        return self.add(kind, [source], source + ".active", **attributes)

    def resize(self, node, source, result):
        factor = node["factor"]
        scales = self.constant(node["id"] + ".scales", np.array([1, 1, factor, factor], np.float32))
        if node["mode"] == "nearest":
            how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        else:
            how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        return self.add("Resize", [source, "", scales], result, **how)

    def crop(self, node, source, size):
        """The result cut to the size of the node that it shall be like, where it is larger."""
        like = self.sizes[node["like"]] if "like" in node else size
        if like == size:
            return source, size
        names = [
            self.constant(f"{node['id']}.{part}", np.array(values, np.int64))
            for part, values in (("starts", [0, 0]), ("ends", like), ("axes", [2, 3]))
        ]
        return self.add("Slice", [source] + names, node["id"] + ".cropped"), like

    def node(self, node, sources):
        """Writes one node; returns the name of its result."""
        op, name = node["op"], node["id"] + ".result"
        if op == "input":
            self.sizes[node["id"]] = tuple(self.shape_in[2:])
            return "input"
        size = self.sizes[node["from"][0]]
        if op in ("conv", "conv_transposed"):
            result = self.activation(node, self.convolution(node, sources[0], name))
            size = size if op == "conv" else tuple(2 * side for side in size)
        elif op in POOLS:
            factor = node["factor"]
            extra = {"count_include_pad": 0} if op == "avgpool" else {}
            result = self.add(
                POOLS[op],
                sources,
                name,
                kernel_shape=[factor] * 2,
                strides=[factor] * 2,
                ceil_mode=1,
                **extra,
            )
            size = tuple(-(-side // factor) for side in size)
        elif op == "upsample":
            result = self.resize(node, sources[0], name)
            size = tuple(node["factor"] * side for side in size)
        elif op == "concat":
            result = self.add("Concat", sources, name, axis=1)
        elif op == "add":
            result = self.add("Sum", sources, name)
        elif op == "output":
            result = sources[0]
        else:
            raise ValueError(f"no ONNX for operation {op!r}")
        result, self.sizes[node["id"]] = self.crop(node, result, size)
        return result


def model(graph, tensors, shape):
    """The bytes of the model of `graph` with the given parameters, for inputs of `shape` [N, C, H, W]."""
    writer = Writer(tensors, list(shape))
    results = {}
    for node in graph:
        results[node["id"]] = writer.node(node, [results[read] for read in node.get("from", [])])
    writer.add("Identity", [results[graph[-1]["id"]]], "output")
    values = [helper.make_tensor_value_info("input", TensorProto.FLOAT, list(shape))]
    channels = [node["channels_out"] for node in graph if "channels_out" in node][-1]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [shape[0], channels, *shape[2:]])]
    drawn = helper.make_graph(writer.nodes, "foci", values, outputs, writer.constants)
    made = helper.make_model(drawn, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(made)
    return made.SerializeToString()
