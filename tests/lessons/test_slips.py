"""Known slips are answered by their names."""

import pytest

from pellucid.examples import find_example
from pellucid.lessons import example_run, grade, number_exercise
from tests.lessons.opened import exercise_of

# What somebody types who makes the slip, worked out by hand from what the question shows.
TYPED = [
    ("sums.node", "2.97", "left_out"),  # without the volume's product
    ("sums.node", "15.35", "wrong_sign"),  # green's weight as if it were positive
    ("sums.node", "-26.60", "other_column"),
    ("sums.bias", "-26.60", "no_bias"),
    ("sums.bias", "26.35", "sign"),
    ("sums.bias", "-26.34", "cut_off"),
    ("sums.bias", "-7.12", "transposed_weight"),
    ("network.relu", "-10.513", "no_relu"),
    ("training.loss", "0.1", "squared_errors"),
    ("training.loss", "0.0", "signs_cancel"),
    ("training.standardized", "0.39", "not_centered"),
    ("training.standardized", "-102.00", "not_divided"),
    ("training.gradient", "0.157", "sign"),
    ("embeddings.inputs", "22", "added"),
    ("embeddings.table", "10, 27", "exchanged"),
    ("subwords.pair", "3", "longer_words"),
    ("subwords.merged", "20", "not_merged"),
    ("subwords.count", "13", "letters"),
    ("attention.score", "1.125", "other_column"),
    ("attention.scaled", "1.125", "no_scale"),
    ("attention.scaled", "0.5625", "scale_by_d"),
    ("softmax.share", "0.333", "softmax_base_2"),
    ("softmax.share", "0.091", "softmax_base_10"),
    ("softmax.share", "0.731", "other_column"),
    ("softmax.share", "0.368", "softmax_odds"),
    ("softmax.share", "26.894", "percent"),
    ("softmax.large", "0.333", "softmax_without_exp"),
    ("norm.variance", "4.6", "variance_n_minus_1"),
    ("norm.normed", "1.0", "no_root"),
    ("norm.normed", "8.0", "norm_multiplied"),
    ("norm.residual", "0.332", "no_attn_residual"),
    ("norm.dropout", "2.00", "kept_unscaled"),
    ("norm.dropout", "1.50", "scale_upside_down"),
    ("heads.look", "0.8", "no_scale"),
    ("heads.look", "0.3", "other_column"),
    ("positions.learned", "0.094", "no_position"),
    ("gpt.look", "0.71", "other_head"),
    ("learning.loss", "1.22", "loss_log2"),
    ("learning.loss", "0.37", "loss_log10"),
    ("learning.loss", "0.43", "loss_is_probability"),
    ("learning.mean", "2.41", "loss_summed"),
    ("learning.mean", "3.34", "perplexity"),
    ("learning.dlogit", "0.215", "grad_without_target"),
    ("learning.dlogit", "-0.571", "loss_summed"),
    ("learning.tied", "-0.286", "left_out"),
    ("learning.step", "-0.0501", "uphill"),
    ("learning.step", "-0.0700", "no_decay"),
    ("optimizers.sgd", "-1.446", "uphill"),
    ("optimizers.sgd", "-0.108", "without_rate"),
    ("optimizers.momentum", "-0.874", "momentum_averaged"),
    ("optimizers.momentum", "-0.803", "left_out"),
    ("optimizers.adam", "2.50", "uphill"),
    ("optimizers.adamw", "-0.50", "no_decay"),
    ("optimizers.adamw", "-0.5", "no_decay"),
    ("sampling.top_k", "0.59", "softmax_odds"),
    ("sampling.both", "0.66", "softmax_odds"),
    ("sampling.both", "0.37", "without_temperature"),
    ("sampling.beam", "1.055", "added"),
    ("padding.seen", "0.21", "the_share"),
    ("translation.counted", "10", "over_all"),
    ("transformer.placed", "0.74", "no_position"),
    ("transformer.cross", "2, 5, 6", "exchanged"),
    ("llama.rms", "0.30", "right"),
    ("llama.angle", "1.000", "angle_in_degrees"),
    ("llama.angle", "-0.416", "rope_from_1"),
    ("llama.turned", "-1.20", "rope_reversed"),
    ("llama.gate", "3.05", "no_activation_for_silu"),
    ("inside.rest", "0.67", "the_share"),
    ("proving.slope", "-0.044", "one_sided"),
]


@pytest.mark.parametrize(("name", "typed", "slip"), TYPED)
def test_a_slip_is_named(name: str, typed: str, slip: str):
    mark = grade(exercise_of(name), typed)
    if slip == "right":
        assert mark.right
        return
    assert mark.outcome == "slip", mark
    assert slip in [one.name for one in mark.slips]
    assert all(one.says in mark.says for one in mark.slips)


def test_at_least_thirty_typical_slips_are_known_by_name():
    assert len({slip for _, _, slip in TYPED}) >= 30


def test_a_wrong_number_is_asked_for_what_is_first_on_the_way():
    mark = grade(exercise_of("softmax.share"), "0.5")
    assert mark.outcome == "wrong"
    assert mark.next is not None
    assert mark.next.value == "shifted[1,0]"
    assert grade(mark.next, "-1").right
    assert not grade(mark.next, "1").right


def test_the_way_is_told_plainly_and_has_nothing_that_is_hidden():
    way = exercise_of("heads.look").way
    assert [step.value for step in way] == [
        *("h.0.attn.scores[0,1,0]", "h.0.attn.scores[0,1,1]"),
        *("shifted[0,1,0]", "exps[0,1,0]", "shifted[0,1,1]", "exps[0,1,1]"),
    ]
    assert way[0].question.startswith(
        "What is h.0.attn.scores[0,1,0]? It is (q[0,1,0] · k[0,0,0] +"
    )
    assert exercise_of("learning.loss").arithmetic.startswith("losses[0] = -(log_probs[0,1]) = ")
    assert [step.value for step in exercise_of("learning.dlogit").way] == ["deviation[0,1]"]


def test_several_slips_that_give_one_number_are_all_named():
    mark = grade(exercise_of("norm.residual"), "0.332")
    assert {"no_attn_residual", "left_out"} <= {one.name for one in mark.slips}


def test_a_number_too_short_to_tell_slips_apart_names_none():
    exercise = exercise_of("norm.residual")
    assert grade(exercise, "0.332").outcome == "slip"
    assert grade(exercise, "0.33").outcome == "wrong"


def test_no_slip_is_what_is_right():
    for name in ("gpt.logit", "learning.loss", "llama.gate"):
        exercise = exercise_of(name)
        assert grade(exercise, exercise.answer).right
        for slip in exercise.slips:
            assert slip.ends.rounded(exercise.decimals) != exercise.answer


def test_the_true_number_is_what_the_run_computed_from_the_decimals_that_are_given():
    tape = example_run("leaf_or_flower").tape
    exercise = number_exercise(tape, "whole.output.out[0,0]", decimals=3)
    # 4.75 · 0.39 + 0.10 is 1.9525 exactly, and no float: of this tie both neighbours are right.
    assert exercise.answer == "1.953"
    assert grade(exercise, "1.952").right
    assert grade(exercise, "1.953").right
    assert not grade(exercise, "1.954").right


def test_a_number_at_the_end_of_a_long_way_is_known_narrowly():
    tape = example_run("where_do_you_live").tape
    exercise = number_exercise(tape, "denc.embed.out[4,7]")
    assert exercise.ends is not None
    assert exercise.ends.high - exercise.ends.low < 1e-6
    assert grade(exercise, f"{float(tape.value('denc.embed.out')[4, 7]):.3f}").right


def test_neighbours_that_are_hidden_are_no_slips():
    exercise = number_exercise(example_run("ai_rocks").tape, "h.0.attn.scores[1,1,1]")
    assert not any(slip.name == "other_row" for slip in exercise.slips)
    assert any(slip.name == "other_column" for slip in exercise.slips)


def test_exercises_follow_the_weights():
    example = find_example("ai_rocks")
    weight = example.model.params["wte"]["weight"]  # type: ignore[union-attr]
    before = number_exercise(example.record().tape, "losses[0]").answer  # type: ignore[union-attr]
    weight[0, 0] += 1
    after = number_exercise(example.record().tape, "losses[0]").answer  # type: ignore[union-attr]
    assert before != after
