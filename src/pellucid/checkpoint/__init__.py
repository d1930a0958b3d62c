"""Checkpoints: models from files, and models into files.

    load(path)                            a model from any of the formats below
    open_model(name)                      the same, with its tokenizer
    save(model, directory)                our own format
    read_metadata(directory)              the notes that were saved with it
    read_chat_template(name)              how a conversation becomes a text for it
    write_chat_template(template, path)   the same into a directory
    read_torch_transformer(weights, …)    a Transformer from `torch.nn.Transformer`'s state dict
    read_torch_stacks(weights, …)         its encoder and decoder alone, without embeddings
    export_huggingface(model, directory)  what `transformers.GPT2LMHeadModel.from_pretrained` reads
    export_llm_c(model, file)             what llm.c reads
    export_gguf(model, tokenizer, file)   what llama.cpp reads
    write_state(file, config, tensors)    the state by which llm.c tests itself
    open_tensors(path)                    tensors by name from a file of nearly any form, as
    TensorFiles(readers)                  a mapping that reads each when it is asked for

| format | recognised by | read in |
|---|---|---|
| Pellucid's | `config.json` with `"pellucid"`, or the header of `model.safetensors` | `native` |
| Hugging Face | `config.json` with a `"model_type"` that an adapter names | `huggingface` |
| GGUF | a `.gguf` | `gguf` |
| nanoGPT, build-nanogpt | `ckpt.pt`, or a `.pt` | `nanogpt` |
| llm.c's GPT-2 | a `.bin` that begins with 20240326 | `llm_c` |
| OpenAI's GPT-2 | `hparams.json` | `openai` |
| a `torch.nn.Transformer` | not: see `read_torch_transformer` | `torch_transformer` |
| a name on the Hugging Face hub | no such path, and the form of a name | `hub` |

Here are files and nothing else. What their settings and tensors mean, the adapters of the
architectures say (`pellucid.models.ADAPTERS`); `check` finds them, and is the one place where a
configuration and its tensors meet. `read`, `pickles`, `weights` and `write` are the files
themselves.
"""

from pellucid.checkpoint.chat import read_chat_template, write_chat_template
from pellucid.checkpoint.gguf import export_gguf
from pellucid.checkpoint.huggingface import export_huggingface
from pellucid.checkpoint.llm_c import export_llm_c, write_state
from pellucid.checkpoint.native import read_metadata, save
from pellucid.checkpoint.open import open_model
from pellucid.checkpoint.recognise import load
from pellucid.checkpoint.tensor_files import TensorFiles, open_tensors
from pellucid.checkpoint.torch_transformer import read_torch_stacks, read_torch_transformer

__all__ = [
    "TensorFiles",
    "export_gguf",
    "export_huggingface",
    "export_llm_c",
    "load",
    "open_model",
    "open_tensors",
    "read_chat_template",
    "read_metadata",
    "read_torch_stacks",
    "read_torch_transformer",
    "save",
    "write_chat_template",
    "write_state",
]
