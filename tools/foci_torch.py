"""Rebuilds a foci net in PyTorch from its net.json.

    from foci_torch import FociNet
    net = FociNet.load("net.json")                 # or FociNet.from_model("model-folder")
    y = net(x)                                     # [N, C, H, W] to [N, C', H, W], any H and W

The graph is followed node by node, so the module is also the shortest description of what each operation
means. Parameters are called as in model.safetensors (`<id>.weight` as [out, in, kh, kw], of a normalisation as [channels]; `<id>.bias`), in
foci's order. Needs torch; loading weights also needs safetensors.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

ACTIVATIONS = {
    "none": lambda x: x,
    "relu": F.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.01),
    "elu": F.elu,
    "silu": F.silu,
}


def pool(op, x, factor):
    """Reduces by `factor`, rounding odd sizes up; windows over the border see only what is there."""
    if op == "maxpool":
        return F.max_pool2d(x, factor, ceil_mode=True)
    if op == "avgpool":
        return F.avg_pool2d(x, factor, ceil_mode=True, count_include_pad=False)
    if op == "blurpool":
        # [1 2 1] x [1 2 1] / 16 centred on every second pixel; at the border, weights over those that are there.
        taps = torch.tensor([1.0, 2.0, 1.0], dtype=x.dtype, device=x.device)
        kernel = torch.outer(taps, taps)[None, None] / 16
        channels = x.shape[1]
        blurred = F.conv2d(x, kernel.expand(channels, 1, 3, 3), stride=2, padding=1, groups=channels)
        there = F.conv2d(torch.ones_like(x[:1, :1]), kernel, stride=2, padding=1)
        return blurred / there
    raise ValueError(f"unknown pooling {op!r}")


def key(node, kind):
    """The name of a parameter inside a module, where PyTorch allows no dots."""
    return f"{node['id']}.{kind}".replace(".", "/")


class FociNet(torch.nn.Module):
    """A resolved net; `graph` is the list of nodes of a net.json."""

    def __init__(self, graph, name="net"):
        super().__init__()
        self.name = name
        self.graph = graph
        self.layers = torch.nn.ParameterDict()
        channels = {node["id"]: node["channels_out"] for node in graph if "channels_out" in node}
        for node in graph:
            if node["op"] in ("conv", "conv_transposed"):
                shape = (node["channels_out"], node["channels_in"], node["kernel"], node["kernel"])
            elif node["op"] == "group_norm":
                shape = (channels[node["from"][0]],)
            else:
                continue
            self.layers[key(node, "weight")] = torch.nn.Parameter(torch.zeros(shape))
            self.layers[key(node, "bias")] = torch.nn.Parameter(torch.zeros(shape[0]))
        # Results are dropped after their last reader, so that measured memory is what the net needs.
        self.last_reader = {}
        for node in graph:
            for read in node.get("from", []) + ([node["like"]] if "like" in node else []):
                self.last_reader[read] = node["id"]

    @classmethod
    def load(cls, path):
        """The net of a net.json, with all parameters zero."""
        record = json.loads(Path(path).read_text())
        return cls(record["graph"], record["name"])

    @classmethod
    def from_model(cls, folder):
        """The net of a model folder, with its weights."""
        from safetensors.torch import load_file

        net = cls.load(Path(folder) / "net.json")
        net.set_tensors(load_file(str(Path(folder) / "model.safetensors")))
        return net

    def named_tensors(self):
        """Parameters as {"<id>.weight": ..., "<id>.bias": ...}, in foci's order."""
        return {name.replace("/", "."): value for name, value in self.layers.items()}

    def set_tensors(self, tensors):
        """Copies values from a dictionary as that of `named_tensors`."""
        own = self.named_tensors()
        if set(own) != set(tensors):
            raise ValueError(f"other parameters than the net's: {sorted(set(own) ^ set(tensors))}")
        with torch.no_grad():
            for name, parameter in own.items():
                if parameter.shape != tuple(tensors[name].shape):
                    raise ValueError(f"{name} is {tuple(tensors[name].shape)}, not {tuple(parameter.shape)}")
                parameter.copy_(torch.as_tensor(tensors[name]))

    def initialise(self, generator):
        """He's normal initialisation (He 2015) with biases of zero, from a torch.Generator; normalisations begin at one."""
        with torch.no_grad():
            for name, parameter in self.named_tensors().items():
                if name.endswith(".bias"):
                    parameter.zero_()
                elif parameter.dim() == 1:
                    parameter.fill_(1.0)
                else:
                    fan_in = parameter[0].numel()
                    parameter.normal_(0.0, (2.0 / fan_in) ** 0.5, generator=generator)

    def forward(self, x):
        results = {}
        for node in self.graph:
            inputs = [results[read] for read in node.get("from", [])]
            result = x if node["op"] == "input" else self.compute(node, inputs)
            if "like" in node:
                height, width = results[node["like"]].shape[2:]
                result = result[:, :, :height, :width]
            results[node["id"]] = result
            for read in set(node.get("from", []) + ([node["like"]] if "like" in node else [])):
                if self.last_reader[read] == node["id"]:
                    del results[read]
        return results[self.graph[-1]["id"]]

    def compute(self, node, inputs):
        """The result of one node, before it is cropped."""
        op = node["op"]
        if op in ("conv", "conv_transposed"):
            weight, bias = self.layers[key(node, "weight")], self.layers[key(node, "bias")]
            if op == "conv":
                padding = node["dilation"] * (node["kernel"] // 2)
                y = F.conv2d(inputs[0], weight, bias, padding=padding, dilation=node["dilation"])
            else:
                # PyTorch keeps these weights as [in, out, kh, kw].
                padding = (node["kernel"] - 2) // 2
                y = F.conv_transpose2d(inputs[0], weight.transpose(0, 1), bias, stride=2, padding=padding)
            return ACTIVATIONS[node["activation"]](y)
        if op == "group_norm":
            weight, bias = self.layers[key(node, "weight")], self.layers[key(node, "bias")]
            return ACTIVATIONS[node["activation"]](F.group_norm(inputs[0], node["groups"], weight, bias, 1e-5))
        if op == "upsample":
            align = {"align_corners": False} if node["mode"] == "bilinear" else {}
            return F.interpolate(inputs[0], scale_factor=node["factor"], mode=node["mode"], **align)
        if op == "concat":
            return torch.cat(inputs, dim=1)
        if op == "add":
            return torch.stack(inputs).sum(0)
        if op == "output":
            return inputs[0]
        return pool(op, inputs[0], node["factor"])
