"""What foci is compared with: each column is one way to run the same net, in a process of its own."""

from dataclasses import dataclass, field

# glibc's allocator gives large blocks back to the system and takes fresh, zeroed pages for the next tensor. These
# settings let it keep them; few people know them, so PyTorch is shown with and without.
KEEP_PAGES = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
    "MALLOC_TOP_PAD_": "268435456",
}


@dataclass(frozen=True)
class Column:
    """One opponent: `program` is torch, onnx or foci; `settings` are passed to its worker."""

    name: str
    program: str
    precision: str = "f32"
    settings: dict = field(default_factory=dict)
    environment: dict = field(default_factory=dict)
    tasks: tuple = ("training", "inference")


COLUMNS = [
    Column("contiguous", "torch"),
    Column("channels_last", "torch", settings={"channels_last": True}),
    Column("channels_last+malloc", "torch", settings={"channels_last": True}, environment=KEEP_PAGES),
    Column("compile", "torch", settings={"channels_last": True, "compile": True}),
    Column(
        "compile+malloc", "torch", settings={"channels_last": True, "compile": True}, environment=KEEP_PAGES
    ),
    Column("onnxruntime", "onnx", tasks=("inference",)),
    Column("bf16", "torch", "bf16", settings={"channels_last": True, "bf16": True}),
    Column(
        "bf16+malloc", "torch", "bf16", settings={"channels_last": True, "bf16": True}, environment=KEEP_PAGES
    ),
    Column("foci-avx2", "foci", environment={"FOCI_SIMD": "avx2"}),
]

BY_NAME = {column.name: column for column in COLUMNS}
