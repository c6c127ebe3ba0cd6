"""One net in PyTorch, timed on command; see serve.py for the conversation and columns.py for the settings."""

import argparse
import json
import math
import sys
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from serve import open_channel, serve, timed

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
from foci_torch import FociNet


def laid_out(tensor, channels_last):
    """A copy whose strides say channels_last even where one channel leaves the choice to PyTorch."""
    form = torch.channels_last if channels_last else torch.contiguous_format
    return torch.empty(tensor.shape, memory_format=form).copy_(tensor)


def worst(pairs):
    """The largest distance of computed from expected, relative to the norm of what is expected."""
    errors = [((ours - theirs).double().norm() / theirs.double().norm()).item() for ours, theirs in pairs]
    # NaN compares as neither large nor small: say infinite instead.
    return max(float("inf") if math.isnan(error) else error for error in errors)


class Net:
    """The net with its data, as the settings ask for."""

    def __init__(self, options, settings):
        reference = load_file(options.reference)
        self.training = options.mode == "training"
        self.net = FociNet.load(options.net)
        names = list(self.net.named_tensors())
        self.net.set_tensors({name: reference[name] for name in names})
        channels_last = settings.get("channels_last", False)
        for parameter in self.net.parameters():
            if parameter.dim() == 4:
                parameter.data = laid_out(parameter.data, channels_last)
        self.input = laid_out(reference["input"], channels_last)
        self.target = laid_out(reference["target"], channels_last)
        self.bf16 = settings.get("bf16", False)
        kept = ["output"] + ["gradient." + name for name in names]
        self.expected = {name: reference[name].clone() for name in kept}
        self.forward = self.net
        if settings.get("compile"):
            self.forward = torch.compile(self.net)
        self.no_gradient = torch.no_grad if settings.get("compile") else torch.inference_mode
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=1e-3, fused=True)

    def precision(self):
        return torch.autocast("cpu", dtype=torch.bfloat16) if self.bf16 else nullcontext()

    def backward(self):
        """Forward, loss, backward; returns output and loss."""
        self.optimiser.zero_grad(set_to_none=True)
        with self.precision():
            output = self.forward(self.input)
        loss = F.mse_loss(output.float(), self.target)
        loss.backward()
        return output, loss

    def step(self):
        _, loss = self.backward()
        self.optimiser.step()
        return loss.item()

    def infer(self):
        with self.no_gradient(), self.precision():
            return self.forward(self.input)

    def warm(self, side):
        """One step on a small image: what PyTorch then holds, it holds for an image of any size."""
        whole = self.input, self.target
        self.input, self.target = (image[:1, :, :side, :side].clone() for image in whole)
        self.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.input, self.target = whole

    def run(self, steps):
        if self.training:
            return timed(self.step, steps)
        return timed(self.infer, steps) | {"loss": None}

    def computed(self):
        """Output, and in training gradients, under the names of the reference."""
        if not self.training:
            return {"output": self.infer().float()}
        output, _ = self.backward()
        tensors = self.net.named_tensors().items()
        gradients = {"gradient." + name: tensor.grad.clone() for name, tensor in tensors}
        return {"output": output.detach().float()} | gradients

    def check(self, times):
        """The largest errors of `times` passes: a wrong kernel may be right by chance."""
        errors = {"output": 0.0, "gradients": 0.0}
        for _ in range(times):
            pairs = {name: (value, self.expected[name]) for name, value in self.computed().items()}
            errors["output"] = max(errors["output"], worst([pairs.pop("output")]))
            if pairs:
                whole = [torch.cat([pair[i].flatten() for pair in pairs.values()]) for i in (0, 1)]
                errors["gradients"] = max(errors["gradients"], worst([whole]))
        self.optimiser.zero_grad(set_to_none=True)
        return errors


def main():
    channel = open_channel()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", required=True)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--mode", choices=["training", "inference"], required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--settings", type=json.loads, default={})
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.mode == "inference" and options.settings.get("compile"):
        # Lets the compiler lay out the weights once, as an inference engine would.
        from torch._inductor import config

        config.freezing = True

    def build():
        net = Net(options, options.settings)
        return {"run": net.run, "check": net.check, "warm": net.warm}

    serve(channel, {"version": torch.__version__, "threads": torch.get_num_threads()}, build)


if __name__ == "__main__":
    main()
