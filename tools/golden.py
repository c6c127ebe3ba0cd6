"""Writes what PyTorch in float64 says about foci's nets, for the engine to be held against.

    python tools/golden.py            # from the repository root; needs torch, numpy, safetensors, and cargo

For every net in SHIPPED at about 5,000 weights, and every TOML file in crates/foci-engine/tests/golden (nets that
cover what those leave out), writes beside them `<name>.net.json`, as foci resolves it, and `<name>.safetensors` with

    input, target                   [2, C, 23, 30]: odd sizes, so that poolings round up and upsamplings are cropped
    initial.<id>.weight|bias        parameters at the start, exact in float32
    output, loss.mse, loss.l1       the forward pass
    mse.<..>, l1.<..>               gradients of the mean squared and the mean absolute error, and for the
                                    squared error by the input (`mse.input`)
    adam.<..>, adamw.<..>, sgd.<..> parameters after ten steps on the squared error

computed in float64 and stored in float32. The settings of the optimisers stand in the file's metadata.
"""

import json
import subprocess
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from foci_torch import FociNet

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "crates/foci-engine/tests/golden"
SHIPPED = [
    *["fcn", "fcn-blur", "fcn-transposed", "unet", "unet-blur", "unet-no-outer-skip", "unet-14", "unet-20", "unet-deep"],
    *["atrous", "atrous-gridded", "atrous-unet", "msd"],
]
HEIGHT, WIDTH, IMAGES, STEPS = 23, 30, 2, 10
MOST_SENSITIVE = 1e-5
OPTIMISERS = {
    "adam": {"learning_rate": 2e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0},
    "adamw": {"learning_rate": 2e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.1},
    "sgd": {"learning_rate": 2e-3, "momentum": 0.9, "weight_decay": 0.0},
}


def resolve(net, weights, channels_in=1, channels_out=1):
    """The text of the net.json of a shipped net or file, from foci itself."""
    command = ["cargo", "run", "--quiet", "--release", "-p", "foci-net", "--example", "resolve", "--"]
    arguments = [str(net), str(weights), str(channels_in), str(channels_out)]
    return subprocess.run(command + arguments, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def optimiser(kind, parameters):
    """The PyTorch optimiser of OPTIMISERS[kind]."""
    settings = OPTIMISERS[kind]
    if kind == "sgd":
        return torch.optim.SGD(parameters, lr=settings["learning_rate"], momentum=settings["momentum"])
    make = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind]
    betas = (settings["beta1"], settings["beta2"])
    return make(parameters, settings["learning_rate"], betas, settings["epsilon"], settings["weight_decay"])


def single(value):
    """A value that float32 holds exactly, in float64."""
    return value.to(torch.float32).to(torch.float64)


def problem(net, generator):
    """Input, target and initial parameters, all exact in float32."""
    channels_in, channels_out = net.graph[0]["channels"], net.graph[-2]["channels_out"]

    def images(channels):
        shape = (IMAGES, channels, HEIGHT, WIDTH)
        return single(torch.randn(shape, generator=generator, dtype=torch.float64))

    x, target = images(channels_in), images(channels_out)
    net.initialise(generator)
    initial = {}
    for name, parameter in net.named_tensors().items():
        value = parameter.detach().clone()
        # Biases of zero would hide mistakes in the bias.
        if name.endswith(".bias"):
            value.normal_(0.0, 0.1, generator=generator)
        initial[name] = single(value)
    return x, target, initial


def answers(net, x, target, initial):
    """What the net makes of it: outputs, losses, gradients, and where ten steps lead; all in float64."""
    tensors = {}
    net.set_tensors(initial)
    for name, loss in {"mse": mean_squared_error, "l1": mean_absolute_error}.items():
        net.zero_grad()
        x_leaf = x.clone().requires_grad_()
        output = net(x_leaf)
        value = loss(output, target)
        value.backward()
        tensors["output"] = output.detach()
        tensors[f"loss.{name}"] = value.detach().reshape(1)
        tensors |= {f"{name}.{key}": parameter.grad.clone() for key, parameter in net.named_tensors().items()}
        if name == "mse":
            tensors["mse.input"] = x_leaf.grad
    for kind in OPTIMISERS:
        net.set_tensors(initial)
        steps = optimiser(kind, net.parameters())
        for _ in range(STEPS):
            steps.zero_grad()
            mean_squared_error(net(x), target).backward()
            steps.step()
        if not mean_squared_error(net(x), target) < tensors["loss.mse"]:
            raise SystemExit(f"{net.name}: {kind} does not descend; such steps only magnify rounding errors")
        tensors |= {f"{kind}.{key}": value.detach().clone() for key, value in net.named_tensors().items()}
    return tensors


def sensitivity(net, x, target, initial, tensors, generator):
    """How far the answers move, relative to gradients and changes, if parameters move by 1e-7 of themselves.

    Maxima and rectifiers have kinks, and Adam divides by gradients however small: where a value lies on a kink,
    or a unit is all but dead, no two programs that round differently can agree, and nothing is learnt from it.
    """
    moved = {
        name: value * (1 + 1e-7 * torch.randn(value.shape, generator=generator, dtype=torch.float64))
        for name, value in initial.items()
    }
    others = answers(net, x, target, moved)
    worst = 0.0
    for name, value in tensors.items():
        kind, _, key = name.partition(".")
        if kind in OPTIMISERS:
            error = (others[name] - moved[key]) - (value - initial[key])
            worst = max(worst, (error.norm() / (value - initial[key]).norm()).item())
        elif kind in ("mse", "l1"):
            worst = max(worst, ((others[name] - value).norm() / value.norm()).item())
    return worst


def golden(net):
    """The first problem, by seed, whose answers do not hang on rounding, with its answers."""
    for seed in range(100):
        x, target, initial = problem(net, torch.Generator().manual_seed(seed))
        tensors = answers(net, x, target, initial)
        shaken = [
            sensitivity(net, x, target, initial, tensors, torch.Generator().manual_seed(1000 + shake))
            for shake in range(3)
        ]
        if max(shaken) < MOST_SENSITIVE:
            print(f"{net.name}: seed {seed}, sensitivity {max(shaken):.1e}, loss {tensors['loss.mse'].item():.4f}")
            named = {f"initial.{name}": value for name, value in initial.items()}
            return {"input": x, "target": target} | named | tensors
    raise SystemExit(f"{net.name}: no seed gives answers that do not hang on rounding")


def mean_squared_error(output, target):
    return (output - target).square().mean()


def mean_absolute_error(output, target):
    return (output - target).abs().mean()


def main():
    torch.set_num_threads(1)
    nets = {name: resolve(name, 5000) for name in SHIPPED}
    for path in sorted(GOLDEN.glob("*.toml")):
        nets[path.stem] = resolve(path, 1500, 3, 2)
    for name, text in nets.items():
        path = GOLDEN / f"{name}.net.json"
        path.write_text(text)
        net = FociNet.load(path).double()
        tensors = golden(net)
        arrays = {
            key: np.ascontiguousarray(value.detach().numpy().astype(np.float32)) for key, value in tensors.items()
        }
        metadata = {"steps": str(STEPS), "torch": torch.__version__, "optimisers": json.dumps(OPTIMISERS)}
        save_file(arrays, GOLDEN / f"{name}.safetensors", metadata=metadata)


if __name__ == "__main__":
    main()
