"""Seeded mutations of files: of their bytes, and of what a saved model says with a right digest."""

import json

import numpy as np
import torch
from saved import places_in

from skmicro._tensors import digest_of, read_tensors, write_tensors

LONGEST = 64  # bytes that one mutation changes


def mutated_bytes(content, rng):
    """Return other content, by one mutation."""
    content = bytearray(content)
    start, length = rng.integers(len(content)), rng.integers(1, LONGEST)
    piece = slice(start, start + length)
    other = rng.integers(len(content))
    kind = rng.choice(["bit", "noise", "zeros", "ones", "cut", "left out", "twice", "moved"])
    if kind == "bit":
        content[start] ^= 1 << rng.integers(8)
    elif kind in ("noise", "zeros", "ones"):
        size = len(content[piece])
        values = {"noise": rng.bytes(size), "zeros": bytes(size), "ones": b"\xff" * size}
        content[piece] = values[kind]
    elif kind == "cut":
        del content[start:]
    elif kind == "left out":
        del content[piece]
    elif kind == "twice":
        content[start:start] = content[piece]
    else:
        content[other : other + length] = content[piece]
    return kind, bytes(content)


def mutate_model(path, rng):
    """Change one place of a saved model, in its text or in its arrays, with a right digest.

    Returns what was changed, for the error of a test.
    """
    tensors, metadata = read_tensors(path)
    text = json.loads(metadata["skmicro"])
    of_tensors = rng.random() < 0.3
    told = _mutate_tensor(tensors, rng) if of_tensors else _mutate_text(text, rng)
    text = json.dumps(text)
    digest = digest_of(tensors, metadata["version"], text)
    write_tensors(path, tensors, metadata | {"skmicro": text, "digest": digest})
    return told


def _mutate_tensor(tensors, rng):
    name = rng.choice(list(tensors))
    value = tensors[name]
    kind = rng.choice(["gone", "nan", "empty", "longer", "integers", "double", "other"])
    if kind == "gone":
        del tensors[name]
    else:
        tensors[name] = {
            "nan": value * float("nan"),
            "empty": value.reshape(-1)[:0],
            "longer": torch.cat([value.reshape(-1)] * 2),
            "integers": value.to(torch.int32),
            "double": value.double(),
            "other": tensors[rng.choice(list(tensors))],
        }[kind].contiguous()
    return f"array {name}: {kind}"


def _mutate_text(text, rng):
    """Change a value, a name or the structure of a JSON tree."""
    places = places_in(text)
    node, key = places[rng.integers(len(places))]
    before = node[key]
    if rng.random() < 0.2:
        del node[key]
        return f"{key!r} gone, {json.dumps(before):.80}"
    other = places[rng.integers(len(places))]
    values = [
        None, True, -1, 0, 10**9, 2**63, 1e300, float("nan"), "", "text", "fit", "sample", "WGANGP",
        [], {}, {"list": []}, {"dict": []}, {"array": "000000"}, {"tuple": [10**6, 10**6]},
        _copy(other[0].get(other[1]) if isinstance(other[0], dict) else _item(*other)),
    ]  # fmt: skip
    node[key] = values[rng.integers(len(values))]
    return f"{key!r}: {json.dumps(before):.80} -> {json.dumps(node[key]):.80}"


def _item(items, index):
    return items[index] if index < len(items) else None


def _copy(value):
    return json.loads(json.dumps(value))


def seeds(first, n):
    """Return generators of random numbers, one for each trial."""
    return [(seed, np.random.default_rng(seed)) for seed in range(first, first + n)]
