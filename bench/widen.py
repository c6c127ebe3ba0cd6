"""The next larger net whose every layer has a multiple of 16 channels."""

import copy

BLOCK = 16


def widened(record):
    """A copy of a net.json with the channels of all layers but the last rounded up to multiples of 16."""
    record = copy.deepcopy(record)
    channels = {}
    layers = [node for node in record["graph"] if node["op"] in ("conv", "conv_transposed")]
    for node in record["graph"]:
        sources = [channels[read] for read in node.get("from", [])]
        if node["op"] == "input":
            channels[node["id"]] = node["channels"]
        elif node["op"] in ("conv", "conv_transposed"):
            node["channels_in"] = sources[0]
            if node is not layers[-1]:
                node["channels_out"] = -(-node["channels_out"] // BLOCK) * BLOCK
            channels[node["id"]] = node["channels_out"]
        else:
            channels[node["id"]] = sum(sources) if node["op"] == "concat" else sources[0]
    weights = sum(node["channels_out"] * (node["channels_in"] * node["kernel"] ** 2 + 1) for node in layers)
    # The other figures of a net.json follow from the graph; foci refuses those that do not fit it.
    return {"name": record["name"], "weights": weights, "graph": record["graph"]}
