"""Settings of Hugging Face's transformers that mean the same for every architecture."""

TIED = "tie_word_embeddings"
"""Whether the head is the embedding's table."""

IDLE = frozenset(
    (
        # What the file is, and who wrote it.
        *("model_type", "architectures", "transformers_version", "_name_or_path"),
        *("finetuning_task", "tokenizer_class", "task_specific_params", "prefix", "dtype"),
        *("torch_dtype", "use_bfloat16", "torchscript", "xla_device"),
        # Which implementation computes the one formula, in which order, and with what it keeps.
        *("attn_implementation", "_attn_implementation", "_attn_implementation_autoset"),
        *("use_cache", "reorder_and_upcast_attn", "chunk_size_feed_forward"),
        *("gradient_checkpointing", "n_ctx", "is_decoder", "is_encoder_decoder"),
        *("tie_encoder_decoder", "cross_attention_hidden_size"),
        # What is returned beside the logits.
        *("return_dict", "output_attentions", "output_hidden_states"),
        *("output_scores", "return_dict_in_generate", "output_past"),
        # How training begins, and its dropout, which is no part of a model here.
        *("initializer_range", "resid_pdrop", "embd_pdrop", "attn_pdrop"),
        # Heads for other tasks, whose tensors would be unexpected.
        *("summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels"),
        *("summary_first_dropout", "problem_type", "id2label", "label2id", "num_labels"),
        *("_num_labels", "n_special", "predict_special_tokens"),
        # Ids of special tokens.
        *("bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id"),
        *("decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id", "eos_token_ids"),
        # How texts are generated.
        *("max_length", "min_length", "do_sample", "early_stopping", "num_beams"),
        *("num_beam_groups", "diversity_penalty", "temperature", "top_k", "top_p", "typical_p"),
        *("repetition_penalty", "length_penalty", "no_repeat_ngram_size"),
        *("encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences"),
        *("remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens"),
        *("begin_suppress_tokens", "tf_legacy_loss"),
    )
)
"""Settings that change no formula of the logits; for each one added here a test must show it."""
