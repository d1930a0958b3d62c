"""A comparison for a pipeline: JUnit's XML, a test case a tensor, and a summary in Markdown."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from pellucid.compare import Comparison, Finding, tensors_of
from pellucid.compare.wording import cause, dtype_name
from pellucid.terminal.compare import PARTS, coverage
from pellucid.visible import visible

SHOWN = 20
"""How many findings a summary has at most."""


def comparison_junit(found: Comparison, title: str) -> str:
    """A test case a tensor, in the pack's order; what was not judged is skipped.

    One that differs has failed, unless all of it is accepted; one that is required and was not
    judged is an error.
    """
    cases = [_case(name, found) for name in _tensors(found)]
    cases += [_with("sizes", "inputs", "failure", said) for said in found.sizes]
    cases += [_with("tokens and targets", "inputs", "failure", said) for said in found.inputs]
    suite = ET.Element("testsuite", name=visible(f"pellucid compare {title}"))
    suite.set("tests", str(len(cases)))
    for result, counted in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        suite.set(counted, str(sum(case.find(result) is not None for case in cases)))
    suite.extend(cases)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _tensors(found: Comparison) -> list[str]:
    """The pack's tensors, and what was judged that it does not have."""
    own = tensors_of(found.pack)
    later = [one.name for one in (*found.later, *found.unsure)]
    more = (name for name in (*found.first.verdicts, *later) if name not in found.pack.rows)
    return list(dict.fromkeys((*own, *more)))


def _case(name: str, found: Comparison) -> ET.Element:
    part = PARTS[found.pack.rows[name]["part"]] if name in found.pack.rows else "others"
    rows = found.pack.rows
    names = {name, *(other for other, row in rows.items() if row.get("same_as") == name)}
    if required := names.intersection(found.required):
        return _with(
            name, part, "error", f"required, and not judged: {', '.join(sorted(required))}"
        )
    if name not in found.judged:
        return _with(name, part, "skipped", "not judged")
    for later in found.later:
        if later.name == name and not later.agrees:
            return _with(name, part, "failure", later.said)
    for finding in found.findings:
        if finding.fault.name in names:
            return _with(name, part, "" if finding.accepted else "failure", cause(finding))
    wrong = [one for one in found.first.verdicts.values() if one.name in names and not one.agrees]
    if wrong and not names & found.accepted:
        return _with(name, part, "failure", f"{wrong[0].excess:.3g} times what rounding allows")
    return _with(name, part, "", "")


def _with(name: str, part: str, result: str, said: str) -> ET.Element:
    case = ET.Element("testcase", classname=f"compare.{part.replace(' ', '_')}", name=visible(name))
    if result:
        ET.SubElement(case, result, message=visible(said))
    elif said:
        ET.SubElement(case, "system-out").text = visible(f"accepted: {said}")
    return case


def comparison_markdown(found: Comparison, title: str) -> str:
    """A short summary, for a pull request or the page of a run."""
    verdict = "agrees" if found.agrees else "differs" if found.differs else "too little was judged"
    lines = [f"### pellucid compare: {verdict}", ""]
    lines += [f"{_cell(title)}, judged as {dtype_name(found.dtype)}: {_cell(coverage(found))}", ""]
    if found.required:
        lines += [f"Required, and not judged: {_cell(', '.join(found.required[:SHOWN]))}", ""]
    lines += [f"- {_cell(said)}" for said in (*found.sizes, *found.inputs)]
    wrong = [f"- {_cell(f'{one.name}: {one.said}')}" for one in found.later if not one.agrees]
    if found.findings:
        lines += ["| tensor | yours | should be | times allowed | cause |", "|---|---|---|---|---|"]
        lines += list(_rows(found.findings[:SHOWN]))
        if len(found.findings) > SHOWN:
            lines += ["", f"and {len(found.findings) - SHOWN} more"]
        lines.append("")
    lines += wrong[:SHOWN]
    return "\n".join(lines).rstrip() + "\n"


def _rows(findings: tuple[Finding, ...]) -> Iterator[str]:
    for finding in findings:
        fault = finding.fault
        said = f"accepted: {cause(finding)}" if finding.accepted else cause(finding)
        place = f"{fault.name}{list(fault.worst)}" if fault.worst else fault.name
        numbers = f"{fault.mine:.6g} | {fault.made:.6g} | {fault.excess:.3g}"
        yield f"| `{place}` | {numbers} | {_cell(said)} |"


def _cell(text: str) -> str:
    """Text that Markdown takes as it is."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#" else sign for sign in visible(text))
