"""The classifier against PyTorch's own, by hand, and against what it must refuse."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)

from pellucid.checkpoint import load, save
from pellucid.errors import ConfigError, TextError, TraceError
from pellucid.kernels import FAST
from pellucid.layers import absolute_error, absolute_error_backward, binary_logits
from pellucid.models import ARCHITECTURES, Classifier, ClassifierConfig
from pellucid.optim import OPTIMIZERS, adamw, finite_difference_gradients
from pellucid.tape import BACKWARD, Tape
from pellucid.text.table import Table
from pellucid.train.fit import FitRecipe, begin, confusion, constant_columns, fit
from pellucid.tree import flatten, map_leaves, unflatten
from pellucid.walkthrough import describe
from pellucid.walkthrough.names import names
from tests.judge import assert_close
from tests.models.classifier_examples import INPUTS, NETWORKS, TARGETS, WANTED, tiny
from tests.models.examples import random_params

each_network = pytest.mark.parametrize("config", NETWORKS.values(), ids=NETWORKS)


def model_of(config: ClassifierConfig) -> Classifier:
    return Classifier(config, random_params(config))


def torchs(model: Classifier, x: Tensor) -> Tensor:
    """The outputs as torch.nn's layers make them from the same numbers."""
    config, flat = model.config, flatten(model.params)
    if config.mean is not None:
        x = (x - torch.tensor(config.mean)) / torch.tensor(config.std)
    for layer in range(len(config.hidden)):
        name = f"hidden.{layer}"
        x = F.linear(x, flat[f"{name}.weight"].T, flat.get(f"{name}.bias"))
        x = F.relu(x) if config.activation == "relu" else x
    return F.linear(x, flat["output.weight"].T, flat.get("output.bias"))


# -- what it computes ------------------------------------------------------------------------------


@each_network
def test_outputs_and_losses_are_torch_s(config: ClassifierConfig):
    model, tape = model_of(config), Tape()
    outputs = torchs(model, INPUTS)
    loss = model.loss(INPUTS, TARGETS, tape)
    assert_close(tape["output.out"], outputs, 1e-12)
    if config.scheme == "sign":
        expected = F.binary_cross_entropy_with_logits(outputs[:, 0], (1 - TARGETS).double())
        assert_close(model.probabilities(INPUTS)[:, 0], outputs[:, 0].sigmoid(), 1e-12)
        assert model.predict(INPUTS).tolist() == [int(x <= 0) for x in outputs[:, 0]]
    else:
        expected = F.cross_entropy(outputs, TARGETS)
        assert_close(model.probabilities(INPUTS), outputs.softmax(-1), 1e-12)
        assert model.predict(INPUTS).tolist() == outputs.argmax(-1).tolist()
    assert_close(loss, expected, 1e-12)
    assert model.accuracy(INPUTS, TARGETS) == (model.predict(INPUTS) == TARGETS).sum() / 6


def test_the_loss_of_the_sign_is_the_logistic_one_however_large_the_output():
    config = ClassifierConfig(inputs=1, hidden=(), outputs=1, scheme="sign", bias=False)
    model = Classifier(config, {"output": {"weight": torch.ones(1, 1, dtype=torch.float64)}})
    for x in (-800.0, -3.0, -0.5, 0.25, 2.0, 800.0):
        for target, sign in ((0, 1), (1, -1)):
            expected = math.log1p(math.exp(-sign * x)) if abs(x) < 700 else max(0.0, -sign * x)
            assert float(model.loss([[x]], [target])) == pytest.approx(expected, rel=1e-12)
    assert binary_logits(torch.tensor([[2.0]]))[0].tolist() == [[2.0, 0.0]]


def test_the_sum_of_absolute_differences_of_the_source_is_0_4():
    outputs = torch.tensor([[0.6, 0.4]], dtype=torch.float64)
    wanted = torch.tensor([[0.8, 0.2]], dtype=torch.float64)
    loss, cache = absolute_error(outputs, wanted=wanted)
    assert float(loss) == pytest.approx(0.4, abs=1e-15)
    dx, _ = absolute_error_backward(1.0, cache)
    assert dx.tolist() == [[-1.0, 1.0]]
    two, _ = absolute_error(torch.cat([outputs, wanted]), wanted=torch.cat([wanted, wanted]))
    assert float(two) == pytest.approx(0.2, abs=1e-15), "averaged over the examples"


@each_network
def test_without_an_activation_the_layers_are_one_and_with_it_they_are_not(
    config: ClassifierConfig,
):
    if not config.hidden:
        return
    a, b = INPUTS[:3], INPUTS[3:]
    for activation in ("none", "relu"):
        model = model_of(replace(config, activation=activation))
        out = [torchs(model, x) for x in (a, b, a + b, torch.zeros(3, 4).double())]
        affine = float((out[0] + out[1] - out[2] - out[3]).abs().max()) < 1e-12
        assert affine == (activation == "none")


@pytest.mark.parametrize("scheme", ["larger", "sign"])
@each_network
def test_nudged_gradients_are_the_formula_s(config: ClassifierConfig, scheme: str):
    model = model_of(replace(config, scheme=scheme, outputs=1 if scheme == "sign" else 2))
    _, grads = model.loss_and_grads(INPUTS, TARGETS)
    nudged = finite_difference_gradients(
        lambda params: model.with_params(params).loss(INPUTS, TARGETS), model.params
    )
    assert list(flatten(nudged)) == list(model.config.parameter_shapes())
    for name, gradient in flatten(grads).items():
        assert_close(flatten(nudged)[name], gradient, 1e-8, name)


def test_a_nudge_leaves_the_parameters_as_they_were():
    model = model_of(tiny())
    before = map_leaves(Tensor.clone, model.params)
    finite_difference_gradients(
        lambda params: model.with_params(params).loss(INPUTS, TARGETS), model.params
    )
    for name, leaf in flatten(before).items():
        assert torch.equal(leaf, flatten(model.params)[name])


# -- names -----------------------------------------------------------------------------------------


def recorded(config: ClassifierConfig, *, error: bool) -> Tape:
    """A whole step on one tape."""
    model, tape = model_of(config), Tape()
    if error:
        wanted = WANTED[:, : config.outputs]
        _, grads = model.error_and_grads(INPUTS, wanted, tape)
    else:
        _, grads = model.loss_and_grads(INPUTS, TARGETS, tape)
    adamw(model.params, grads, learning_rate=0.1, tape=tape)
    return tape


@pytest.mark.parametrize("error", [False, True])
@each_network
def test_every_name_on_a_tape_is_described_in_its_shape(config: ClassifierConfig, error: bool):
    widths = dict(enumerate(config.hidden))
    tape = recorded(config, error=error)
    for name in tape:
        row = describe(name)
        assert row is not None, f"{name} is not in the table"
        bare = name.removeprefix("d")
        layer = int(bare.split(".")[1]) if bare.startswith("hidden.") else 0
        letters = {
            "T": 6,
            "2": 2,
            "I": widths[layer - 1] if layer else config.inputs,
            "F": widths.get(layer if bare.startswith("hidden.") else len(widths) - 1, 4),
            "V": 2 if bare in {"logits", "probs"} else config.outputs,
        }
        if not name.endswith(".x"):
            assert tuple(letters[size] for size in row.shape) == tuple(tape[name].shape), name


def test_the_small_classifiers_show_all_that_the_table_of_names_needs():
    """The table is read off them: a name that only another classifier shows would not be in it."""
    tapes = [recorded(config, error=error) for config in NETWORKS.values() for error in (0, 1)]
    small = [run.tape for run in Classifier.dry_runs()]
    table = {row.pattern for row in names()}
    shown, known = (
        {row.pattern for tape in some for name in tape if (row := describe(name))} & table
        for some in (tapes, small)
    )
    assert shown == known
    assert {"binary_logits.out", "errors", "hidden.i.act.out", "standardize.std"} <= known


@pytest.mark.parametrize("error", [False, True])
@each_network
def test_every_dname_is_the_gradient_of_name(config: ClassifierConfig, error: bool):
    model, tape = model_of(config), Tape()
    model = model.with_params(map_leaves(Tensor.requires_grad_, model.params))
    x = INPUTS.clone().requires_grad_()
    loss, grads = (
        model.error_and_grads(x, WANTED[:, : config.outputs], tape)
        if error
        else model.loss_and_grads(x, TARGETS, tape)
    )
    names = [
        name
        for call in tape.calls
        if call.function.__name__.endswith(BACKWARD)
        for name in call.outputs
    ]
    values = [tape.value(name.removeprefix("d")) for name in names]
    for name, expected in zip(names, torch.autograd.grad(loss, values), strict=True):
        assert_close(tape[name], expected, 1e-12, name)
    assert {f"d{name}" for name in flatten(grads)} <= set(names)


def test_what_is_traced_is_what_ran():
    with pytest.raises(TraceError, match="reference ops"):
        model_of(tiny()).loss(INPUTS, TARGETS, Tape(), ops=FAST)
    fast = model_of(tiny()).loss_and_grads(INPUTS, TARGETS, ops=FAST)
    slow = model_of(tiny()).loss_and_grads(INPUTS, TARGETS)
    assert_close(fast[0], slow[0], 1e-12)
    for name, gradient in flatten(slow[1]).items():
        assert_close(flatten(fast[1])[name], gradient, 1e-12, name)


# -- as a whole ------------------------------------------------------------------------------------


def test_a_saved_classifier_is_the_same_with_its_names_and_its_standardization(tmp_path: Any):
    config = replace(
        NETWORKS["standardized"], features=("r", "g", "b", "vol"), labels=("leaf", "flower")
    )
    model = model_of(config)
    save(model, tmp_path)
    again = load(tmp_path)
    assert isinstance(again, Classifier)
    assert again.config == config
    assert torch.equal(again.forward(INPUTS), model.forward(INPUTS))
    assert ARCHITECTURES["classifier"] is Classifier
    assert again.config.class_names == ("leaf", "flower")
    assert NETWORKS["sign"].class_names == ("0", "1")


def test_a_classifier_begins_at_the_right_size_and_each_seed_at_another_place():
    config = ClassifierConfig(inputs=400, hidden=(300, 200))
    first, again, other = (Classifier.init(config, seed=seed) for seed in (1, 1, 2))
    flat = flatten(first.params)
    for name, expected in (("hidden.0", 2 / 400), ("hidden.1", 2 / 300), ("output", 1 / 200)):
        assert float(flat[f"{name}.weight"].var()) == pytest.approx(expected, rel=0.15)
        assert not flat[f"{name}.bias"].any()
    linear = Classifier.init(replace(config, activation="none"))
    assert float(flatten(linear.params)["hidden.0.weight"].var()) == pytest.approx(1 / 400, rel=0.1)
    assert torch.equal(flat["hidden.0.weight"], flatten(again.params)["hidden.0.weight"])
    assert not torch.equal(flat["hidden.0.weight"], flatten(other.params)["hidden.0.weight"])
    assert str(Classifier.init(tiny(labels=("a", "b")))) == (
        "a classifier of 47 parameters: 4 → 3 → 5 → 2, ReLU, with biases, scheme larger, float64"
    )


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"inputs": 0}, "inputs"),
        ({"inputs": True}, "inputs"),
        ({"outputs": 0}, "outputs"),
        ({"outputs": 1}, "'larger' came with 1"),
        ({"scheme": "sign"}, "'sign' came with 2"),
        ({"scheme": "largest"}, "scheme"),
        ({"activation": "tanh"}, "activation"),
        ({"bias": 1}, "bias"),
        ({"hidden": (3, 0)}, "hidden"),
        ({"hidden": 3}, "hidden"),
        ({"hidden": (True,)}, "hidden"),
        ({"features": ("a", "b")}, "features must be 4 different names"),
        ({"features": ("a", "b", "c", "c")}, "features"),
        ({"labels": ("a", "b", "c")}, "labels must be 2 different names"),
        ({"labels": ("a", 2)}, "labels"),
        ({"mean": (0.0,) * 4}, "mean and std"),
        ({"mean": (0.0,) * 3, "std": (1.0,) * 4}, "mean"),
        ({"mean": (0.0,) * 4, "std": (1.0, 1.0, 1.0, 0.0)}, "std must be a finite number above 0"),
        ({"mean": (math.nan,) * 4, "std": (1.0,) * 4}, "mean"),
        ({"mean": (0.0,) * 4, "std": (math.inf,) * 4}, "std"),
    ],
    ids=str,
)
def test_a_configuration_that_makes_no_classifier_is_refused(choices: dict[str, Any], words: str):
    with pytest.raises(ConfigError, match=words):
        tiny(**choices)


def test_a_list_is_taken_as_a_tuple():
    config = tiny(hidden=[3, 5], labels=["a", "b"], mean=[0.0] * 4, std=[1.0] * 4)
    assert config == tiny(hidden=(3, 5), labels=("a", "b"), mean=(0.0,) * 4, std=(1.0,) * 4)
    assert hash(config)
    assert ClassifierConfig(**config.to_dict()) == config


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ([1.0, 2.0, 3.0, 4.0], "at least one row of 4 numbers, and shape"),
        ([[1.0, 2.0, 3.0]], "shape"),
        (torch.empty(0, 4), "shape"),
        ([[1.0, 2.0, 3.0, math.nan]], "finite"),
        ([[1.0, 2.0, 3.0, math.inf]], "finite"),
        ([[1.0, 2.0], [3.0]], "one length"),
        ("leaf", "rows of numbers"),
    ],
    ids=str,
)
def test_inputs_of_another_form_are_refused(inputs: Any, words: str):
    with pytest.raises(TextError, match=words):
        model_of(tiny()).predict(inputs)


@pytest.mark.parametrize(
    "targets", [[0], [0, 1, 1, 0, 1, 2], [0, 1, 1, 0, 1, -1], [0.0] * 6, [True] * 6]
)
def test_classes_that_there_are_not_are_refused(targets: list[Any]):
    model = model_of(tiny())
    for call in (model.loss, model.accuracy, model.loss_and_grads):
        with pytest.raises(TextError):
            call(INPUTS, targets)


def test_wanted_outputs_of_another_form_are_refused():
    with pytest.raises(TextError, match="2 numbers for each of the 6"):
        model_of(tiny()).error_and_grads(INPUTS, WANTED[:, :1])


# -- fitting ---------------------------------------------------------------------------------------


def rings(count: int = 120) -> Table:
    """Two classes that no line parts: inside a circle, and outside."""
    generator = torch.Generator().manual_seed(7)
    inputs = torch.rand(count, 2, generator=generator, dtype=torch.float64) * 2 - 1
    classes = (inputs.square().sum(1) > 0.64).long()
    return Table(("x", "y"), inputs, ("in", "out"), classes)


@pytest.mark.parametrize("scheme", ["larger", "sign"])
def test_a_ring_is_learnt_with_relu_and_cannot_be_without(scheme: str):
    table = rings()
    reached = {}
    for activation in ("relu", "none"):
        model = begin(table, seed=1, scheme=scheme, activation=activation, hidden=(16,))
        recipe = FitRecipe(epochs=100, learning_rate=0.02, weight_decay=0.0, seed=1)
        losses = []
        for epoch in fit(model, table.inputs, table.classes, recipe):
            losses.append(epoch.loss)
            model = epoch.model
        reached[activation] = model.accuracy(table.inputs, table.classes)
        assert losses[-1] < losses[0]
        counts = confusion(model, table)
        assert int(counts.diagonal().sum()) == round(reached[activation] * len(table))
        assert counts.sum(1).tolist() == torch.bincount(table.classes).tolist()
    assert reached["relu"] > 0.95
    assert reached["none"] < 0.8


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_lowers_the_loss_and_the_same_seed_gives_the_same_weights(optimizer: str):
    table = rings(40)

    def weights() -> dict[str, Tensor]:
        recipe = FitRecipe(epochs=5, optimizer=optimizer, learning_rate=0.01, seed=3)
        *_, last = fit(begin(table, seed=2), table.inputs, table.classes, recipe)
        start = float(begin(table, seed=2).loss(table.inputs, table.classes))
        assert last.number == 5
        assert last.loss < start
        return flatten(last.model.params)

    first, second = weights(), weights()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_columns_are_standardized_by_the_table_and_a_constant_one_does_no_harm():
    inputs = torch.tensor([[1.0, 5.0], [3.0, 5.0], [5.0, 5.0]], dtype=torch.float64)
    model = begin(Table(("a", "b"), inputs, ("x", "y"), torch.tensor([0, 1, 1])), seed=0)
    assert model.config.mean == (3.0, 5.0)
    assert model.config.std == pytest.approx((math.sqrt(8 / 3), 1.0))
    assert model.forward(inputs).isfinite().all()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("hidden", [(), (5,), (5, 4)], ids=str)
def test_a_column_that_was_constant_in_training_never_decides(
    hidden: tuple[int, ...], optimizer: str
):
    # 0.1 is no float, so that the mean of a hundred of them is another number.
    inputs = torch.cat([torch.full((100, 1), 0.1).double(), rings(100).inputs[:, :1]], 1)
    classes = (inputs[:, 1] > inputs[:, 1].median()).long()
    table = Table(("same", "x"), inputs, ("low", "high"), classes)
    assert constant_columns(table).tolist() == [True, False]
    model = begin(table, seed=3, hidden=hidden)
    recipe = FitRecipe(epochs=5, learning_rate=0.05, optimizer=optimizer)
    for epoch in fit(model, table.inputs, classes, recipe):
        model = epoch.model
    moved = inputs + torch.tensor([1e6, 0.0])
    assert torch.equal(model.probabilities(moved), model.probabilities(inputs))
    apart = inputs + torch.tensor([0.0, 10.0])
    assert not torch.equal(model.probabilities(apart), model.probabilities(inputs))


def test_a_column_is_constant_where_only_rounding_tells_its_numbers_apart():
    columns = torch.tensor([[0.1, 0.0, 1e9, 1.0, 5.0]] * 3, dtype=torch.float64)
    columns[1] += torch.tensor([1e-17, 0.0, 1e-7, 1e-9, 1.0])
    table = Table(tuple("abcde"), columns, ("x", "y"), torch.tensor([0, 1, 1]))
    assert constant_columns(table).tolist() == [True, True, True, False, False]
    model = begin(table, seed=0, hidden=())
    assert model.config.mean is not None
    assert model.config.mean[0] == 0.1 != float(columns[:, 0].mean())
    assert float(model.params["output"]["weight"][:3].abs().max()) == 0
    assert float(model.params["output"]["weight"][3:].abs().min()) > 0


def test_weights_that_end_a_training_as_no_numbers_are_refused():
    table = rings(20)
    model = begin(table, seed=0, hidden=())
    assert table.classes is not None
    # One batch of one epoch: its loss is finite, and its step is not.
    recipe = FitRecipe(epochs=1, batch_size=20, learning_rate=1e308, optimizer="momentum")
    huge = table.inputs * 1e10
    with pytest.raises(ConfigError, match=r"must stay finite, .* the weight output\.\w+: \d+ of"):
        list(fit(model, huge, table.classes, recipe))


def test_a_scheme_that_does_not_fit_the_table_and_a_training_that_runs_away_are_refused():
    table = rings(20)
    three = replace(table, labels=("a", "b", "c"))
    with pytest.raises(ConfigError, match="the table has 3"):
        begin(three, seed=0, scheme="sign")
    wild = FitRecipe(optimizer="sgd", learning_rate=1e200)
    with pytest.raises(ConfigError, match="--learning-rate"):
        list(fit(begin(table, seed=0), table.inputs, table.classes, wild))


@pytest.mark.parametrize(
    "setting",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": math.nan},
        {"optimizer": "newton"},
        {"weight_decay": -1.0},
        {"seed": -1},
    ],
    ids=str,
)
def test_a_recipe_outside_its_range_is_refused(setting: dict[str, Any]):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        FitRecipe(**setting)


# -- iris ------------------------------------------------------------------------------------------


def test_iris_is_told_apart_at_95_percent_on_a_held_out_third():
    datasets = pytest.importorskip("sklearn.datasets")
    iris = datasets.load_iris()
    table = Table(
        tuple(iris.feature_names),
        torch.tensor(iris.data, dtype=torch.float64),
        tuple(map(str, iris.target_names)),
        torch.tensor(iris.target),
    )
    reached = []
    for seed in range(5):
        training, rest = table.split(0.33, seed=seed)
        model = begin(training, seed=seed)
        for epoch in fit(model, training.inputs, training.classes, FitRecipe(seed=seed)):
            model = epoch.model
        reached.append(model.accuracy(rest.inputs, rest.classes))
    assert len(rest) == 48
    # Of 30 seeds the mean is 0.954, about what logistic regression reaches on the same rows.
    assert sum(reached) / len(reached) >= 0.95, reached


def test_scores_that_are_nan_choose_no_class():
    model = Classifier.init(ClassifierConfig(inputs=4, hidden=(3,)))
    weights = {name: weight * torch.nan for name, weight in flatten(model.params).items()}
    broken = model.with_params(unflatten(weights))
    for asked in (broken.predict, broken.probabilities):
        with pytest.raises(ConfigError, match="logits must be numbers"):
            asked([[1.0, 2.0, 3.0, 4.0]])
    assert broken.forward([[1.0, 2.0, 3.0, 4.0]]).isnan().all(), "to be looked at"
