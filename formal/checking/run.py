"""One run of a certificate: who makes and who reads what, and the gradient of any value."""

from graphlib import CycleError, TopologicalSorter

from checking.blocks import equations_of
from checking.certificate import Tensors
from checking.chain_rule import Value, come_back, graph
from checking.errors import Missing, Wrong, joined, title
from checking.intervals import Precision, constant, exact, plus

COMPUTED = """
out rows variance rstd xhat inner tanh phi sigma gated opened up scores att kept z merged qkv
queries kv probs losses loss sharp lead logits base low learned angles cos sin first second errors
q_heads k_heads v_heads resid_pre resid_mid resid_cross resid_post sum_1 sum_2 sum_3 m_hat v_hat
update new
"""
"""What the last part of a name is only where a call has made the tensor."""

CONSTANTS = dict.fromkeys(("angles", "cos", "sin"), "rotary_angles") | {
    "inputs": "next_token_logits",
    "frequencies": "llama_trunk",
}
"""What a call may make of whole numbers alone, in floats: from then on the run's constants."""


def is_backward(call):
    return call["function"].endswith("_backward")


def is_rule(call):
    return call["function"].endswith("_rule")


class Unit:
    """One equation of one call."""

    def __init__(self, run, call, reads, makes, equation):
        self.run, self.call, self.equation = run, call, equation
        self.path, self.inputs, self.reads = call["path"], call["inputs"], {}
        for read in (
            [a for a, n in self.inputs.items() if run.is_float(n)] if reads is None else reads
        ):
            argument, _, sources = read.partition("=")
            self.reads[argument] = self.first(sources) if sources else self.inputs.get(argument)
            if self.reads[argument] is None:
                raise Missing(f"{title(call)}: there is no {argument}")
        made = (*call["outputs"], *call["constants"])
        own = None if makes is None else {joined(self.path, key) for key in makes}
        self.makes = [name for name in made if own is None or name in own]
        self.built = self.adjoints = (None,)

    def first(self, sources):
        """The first of the sources that a call has made."""
        names = (joined(self.path, source) for source in sources.split("|"))
        return next((name for name in names if name in self.run.makers), None)

    # -- as equations ask it

    def __call__(self, argument):
        if argument not in self.arguments:
            if argument not in self.reads:
                raise Wrong(f"it has no {argument}")
            array = self.run.tensors.array(self.reads[argument])
            if array.hidden:
                raise Wrong(f"it reads -∞, in {self.reads[argument]}")
            self.arguments[argument] = Value(array)
        return self.arguments[argument]

    def has(self, argument):
        return argument in self.inputs

    def setting(self, name, default=None):
        found = self.call["settings"].get(name, default)
        if found is None or isinstance(found, str | bool):
            raise Wrong(f"it has no setting {name}")
        return found

    def whole(self, argument):
        return self.run.tensors.whole(self.inputs.get(argument))

    def bits(self, argument):
        """What is true or false, as 1 or 0."""
        seen = self.whole(argument)
        if not all(isinstance(one, bool) for one in seen):
            raise Wrong(f"its {argument} is not of true and false")
        return Value(exact(self.shape(argument), list(map(int, seen))))

    def shape(self, argument):
        return self.run.tensors.shape(self.inputs[argument])

    def check_size(self, result, size):
        name = joined(self.path, result)
        if name not in self.run.alias or self.run.tensors.count(name) != size:
            raise Wrong(f"{result} has another size than {size}")

    # -- what it makes

    def made(self):
        """What the equation makes, by the certificate's names, at the precision that is set."""
        if self.built[0] != Precision.bits:
            self.arguments, self.adjoints = {}, (None,)
            found = {joined(self.path, key): x for key, x in self.equation(self).items()}
            self.built = (Precision.bits, found)
        return self.built[1]

    def gradients(self):
        """The gradient by each argument and result, from what comes back to the results."""
        if self.adjoints[0] != Precision.bits:
            made = {name: x for name, x in self.made().items() if name in self.makes}
            self.inner = {operand for node in graph(made.values()) for operand, _ in node.back}
            seeds = [
                self.run.read_back(name) if result in self.inner else self.run.gradient(name)
                for name, result in made.items()
            ]
            self.adjoints = (Precision.bits, come_back(list(made.values()), seeds))
        return self.adjoints[1]


class Run:
    """One run of a certificate."""

    def __init__(self, content, files):
        self.calls, self.part, self.given = content["calls"], content["part"], content["given"]
        self.stated, self.next = content["tensors"], content.get("next")
        self.tensors = Tensors(content, files)
        self.is_float = self.tensors.is_float
        self.alias = {name: name for name in (*self.given, *self.stated)}
        self.makers, self.arguments, self.innermost = {}, {}, {}
        self.units, self.unknown, self.trusted = [], [], []
        self.maker, self.readers, self.seeds = {}, {}, {}
        self.name_all()
        self.arrange()
        for name in self.given:
            self.check_given(name)
        of = self.tensors.box_of
        if of and of not in self.maker and not (of in self.given and self.is_float(of)):
            raise Wrong(f"{of}: a box of it is stated, and it is no tensor of real numbers here")

    # -- structure

    def name_all(self):
        """Every name is of one tensor, and each tensor is made by one call, or was given."""
        for name, tensor in self.stated.items():
            for other in tensor["also"]:
                if (known := self.alias.setdefault(other, name)) != name:
                    raise Wrong(f"{other}: two tensors are called so, {name} and {known}")
        for call in self.calls:
            for name in call["outputs"]:
                if name in self.makers or name in self.given:
                    raise Wrong(f"{name}: made twice, the second time by {title(call)}")
                if name not in self.stated:
                    raise Wrong(f"{name}: made by {title(call)}, and not among the tensors")
                if not is_backward(call) and not name.startswith(joined(call["path"], "")):
                    raise Wrong(f"{name}: made by {title(call)}, and it is called otherwise")
                self.makers[name] = call
        for name, tensor in self.stated.items():
            if name not in self.makers and name not in self.given:
                if name == "loss_after":
                    self.trusted.append(name)
                elif tensor["part"] != "given":  # given and never read is fine
                    raise Wrong(f"{name}: no call makes it, and it is not given")
        for call in self.calls:
            for argument, name in call["inputs"].items():
                if name not in self.makers and name not in self.given:
                    raise Wrong(
                        f"{name}: read by {title(call)}, and neither given nor made by a call"
                    )
                if is_backward(call) or is_rule(call):
                    continue
                known = joined(call["path"], argument)
                self.arguments.setdefault(known, set()).add(name)
                outer = self.innermost.get(known)
                if outer is None or len(call["path"]) > len(outer[0]["path"]):
                    self.innermost[known] = call, argument

    def arrange(self):
        """Each call's equations; who reads what; and that nothing is made of itself."""
        for call in self.calls:
            if is_backward(call):
                loss, dloss = joined(call["path"], "loss"), call["settings"].get("dloss")
                if dloss is not None and loss in self.makers:
                    if isinstance(dloss, str | bool):
                        raise Wrong(f"{title(call)}: its dloss is {dloss!r}, which is no number")
                    self.seeds[loss] = dloss
                continue
            equations = equations_of(call)
            if equations is None and call["outputs"]:
                self.unknown.append(call)
            for parts in equations or ():
                try:
                    self.units.append(Unit(self, call, *parts))
                except Missing:
                    continue
        for unit in self.units:
            self.maker |= {name: unit for name in unit.makes if name not in self.given}
            for argument, name in unit.reads.items():
                maker = self.makers.get(name)
                if is_rule(unit.call):
                    continue  # what a weight becomes is no part of the loss
                if maker and (is_backward(maker) or is_rule(maker)):
                    what = "a gradient" if is_backward(maker) else "what a rule makes"
                    raise Wrong(f"{title(unit.call)}: it goes forward, and reads {what}, {name}")
                self.readers.setdefault(name, []).append((unit, argument))
        before = {
            unit: [self.maker[name] for name in unit.reads.values() if name in self.maker]
            for unit in self.units
        }
        try:
            TopologicalSorter(before).prepare()
        except CycleError as circle:
            call = circle.args[1][0].call
            raise Wrong(f"{title(call)}: what it reads is made of what it makes") from None

    def check_given(self, name):
        """Parameters, inputs and what a backward begins with: nothing that a call would make."""
        last = name.rsplit(".", 1)[-1]
        of = [self.alias.get(known[1:]) for known in self.names(name) if known.startswith("d")]
        of = [value for value in of if value in self.makers]  # what it is the gradient of
        gradient = bool(of)
        begins = gradient and not any(value in self.readers or value in self.seeds for value in of)
        constant = any(
            name == joined(call["path"], last) and call["function"] == CONSTANTS.get(last)
            for call in self.calls
            if name in call["constants"]
        )
        if not begins and not constant and (last in COMPUTED.split() or gradient):
            raise Wrong(f"{name}: claimed as given, and it is no parameter and no input of a model")
        if begins and self.seeds:
            raise Wrong(f"{name}: a gradient begins with it, and with {next(iter(self.seeds))} too")

    # -- gradients

    def names(self, name):
        return [name, *self.stated.get(name, {"also": ()})["also"]]

    def gradient_name(self, name):
        """The tensor that is stated as the gradient of this one."""
        for known in self.names(name):
            found = self.alias.get(f"d{known}")
            if found in self.makers and is_backward(self.makers[found]):
                return found
            if f"d{known}" in self.given:
                return f"d{known}"
        return None

    def gradient(self, name):
        """The gradient of a value as it is stated, else as it comes back from its readers."""
        stated = self.gradient_name(name)
        if stated is not None and name not in self.seeds:
            return self.tensors.array(stated)
        return self.read_back(name)

    def read_back(self, name, path=None):
        """Σ over all that read the value, or what a backward begins with; None for nothing.

        With a path, of what comes back through the call there alone, and all calls inside it.
        """
        found = None
        if path is None:
            given = [f"d{known}" for known in self.names(name) if f"d{known}" in self.given]
            if name in self.seeds:
                found = constant((), self.seeds[name])
            elif given:
                found = self.tensors.array(given[0])
        for unit, argument in self.readers.get(name, ()):
            if path is None or f"{unit.path}.".startswith(joined(path, "")):
                part = unit.gradients().get(unit(argument))
                if part is not None:
                    found = part if found is None else plus(found, part)
        return found

    def whole_gradient(self, name):
        """What the gradient of a value is, by the chain rule."""
        unit = self.maker.get(name)
        if unit is not None and name in unit.made():
            found, result = unit.gradients(), unit.made()[name]
            if result in unit.inner:
                return found.get(result)
        return self.read_back(name)

    def gradient_called(self, known, call, *, first):
        """The gradient that has this name: of a tensor, or of what a call reads, through it alone.

        The first name of what a backward makes of a parameter that several calls read is its part.
        """
        if not known.startswith("d"):
            raise Wrong(f"{known}: what a backward makes is a gradient, dname of a name")
        tensor, (reader, argument) = (
            self.alias.get(known[1:]),
            self.innermost.get(known[1:], (None, "")),
        )
        undone = (call["path"], call["function"].removesuffix("_backward"))
        own = reader is not None and (reader["path"], reader["function"]) == undone
        part = first and own and tensor in self.given and len(self.readers.get(tensor, ())) > 1
        if tensor is not None and not part:
            return self.whole_gradient(tensor)
        if reader is None:
            raise Wrong(f"{known}: there is nothing that it is the gradient of")
        return self.read_back(reader["inputs"][argument], reader["path"])
