"""One net in ONNX Runtime, inference only, timed on command; see serve.py for the conversation."""

import argparse
import json
from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import load_file

import onnx_net
from serve import open_channel, serve, timed


def main():
    channel = open_channel()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", required=True)
    parser.add_argument("--reference", required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()

    def build():
        reference = load_file(options.reference)
        graph = json.loads(Path(options.net).read_text())["graph"]
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        settings.inter_op_num_threads = 1
        model = onnx_net.model(graph, reference, reference["input"].shape)
        session = onnxruntime.InferenceSession(model, settings, providers=["CPUExecutionProvider"])

        def infer():
            return session.run(["output"], {"input": reference["input"]})[0]

        def check(times):
            expected = reference["output"].astype(np.float64)
            errors = [np.linalg.norm(infer() - expected) / np.linalg.norm(expected) for _ in range(times)]
            return {"output": float(max(errors)), "gradients": 0.0}

        def run(steps):
            return timed(infer, steps) | {"loss": None}

        return {"run": run, "check": check}

    serve(channel, {"version": onnxruntime.__version__, "threads": options.threads}, build)


if __name__ == "__main__":
    main()
