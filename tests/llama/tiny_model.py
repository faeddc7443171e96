"""Writes a tiny model that llama.cpp can load: random weights, and a vocabulary of made-up words.

Usage: python tiny_model.py FILE, with the packages gguf and numpy. What it says makes no sense, and is
always the same.
"""

import sys
from importlib import import_module
from typing import Any

SIZE, FEED, HEADS, CONTEXT = 32, 64, 2, 512
SPECIAL = ["<unk>", "<s>", "</s>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
WORDS = [f"▁{first}{second}" for first in "bdfklmnprst" for second in ("a", "e", "i", "o", "u")]
TOKENS = [*SPECIAL, *BYTES, *WORDS]
UNKNOWN, CONTROL, BYTE, NORMAL = 2, 3, 6, 1  # the types that GGUF has for tokens
TEMPLATE = "{% for message in messages %}{{ message['content'] }} {% endfor %}"


def write(path: str) -> None:
    """Write the model to the file."""
    gguf, numpy = import_module("gguf"), import_module("numpy")  # which this project doesn't need itself
    random = numpy.random.default_rng(18)

    def weights(*shape: int) -> Any:
        return random.normal(0, 0.5, shape).astype(numpy.float32)

    ones = numpy.ones(SIZE, dtype=numpy.float32)
    output = weights(len(TOKENS), SIZE)
    output[: len(SPECIAL) + len(BYTES)] = 0  # it says words alone, and doesn't end by itself
    writer: Any = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(SIZE)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(SIZE // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    writer.add_token_types([UNKNOWN, CONTROL, CONTROL, *[BYTE] * len(BYTES), *[NORMAL] * len(WORDS)])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(TEMPLATE)
    tensors = {
        "token_embd": weights(len(TOKENS), SIZE),
        "output_norm": ones,
        "output": output,
        "blk.0.attn_norm": ones,
        **{f"blk.0.attn_{name}": weights(SIZE, SIZE) for name in ("q", "k", "v", "output")},
        "blk.0.ffn_norm": ones,
        "blk.0.ffn_gate": weights(FEED, SIZE),
        "blk.0.ffn_up": weights(FEED, SIZE),
        "blk.0.ffn_down": weights(SIZE, FEED),
    }
    for name, values in tensors.items():
        writer.add_tensor(f"{name}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(sys.argv[1])
