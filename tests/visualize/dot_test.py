"""The DOT text, read back by a small reader of its own."""

import re
import types

import pytest

from darts_tf.spaces import zoo
from darts_tf.visualize import cell_graph
from darts_tf.visualize import dot

QUOTED = r'"((?:[^"\\]|\\.)*)"'
NODE = re.compile(rf"^{QUOTED} \[label={QUOTED} fillcolor={QUOTED}\];$")
EDGE = re.compile(rf"^{QUOTED} -> {QUOTED}(?: \[label={QUOTED}\])?;$")


def read(text):
    """Returns the nodes by name, the edges and the cluster names."""
    lines = [line.strip() for line in text.splitlines()]
    nodes = {m[1]: m[2] for line in lines if (m := NODE.match(line))}
    edges = [m.groups() for line in lines if (m := EDGE.match(line))]
    clusters = re.findall(rf"subgraph {QUOTED} {{", text)
    return nodes, edges, clusters


@pytest.mark.parametrize("name", zoo.names())
def test_graph_is_that_of_the_figure(name):
    genotype = zoo.get(name)
    nodes, edges, clusters = read(dot.genotype_to_dot(genotype))
    assert clusters == [f"cluster {kind}" for kind in genotype.cells]
    found = [(nodes[a], label, nodes[b]) for a, b, label in edges]
    graphs = [cell_graph.cell_graph(c) for c in genotype.cells.values()]
    assert found == [
        (g.nodes[e.source].text, e.label, g.nodes[e.target].text)
        for g in graphs
        for e in g.edges
    ]
    assert len(nodes) == sum(len(graph.nodes) for graph in graphs)


def test_braces_and_lines_are_closed():
    text = dot.genotype_to_dot(zoo.get("DARTS_V2"))
    code = re.sub(QUOTED, "", text)
    assert text.startswith("digraph {\n")
    assert text.endswith("}\n")
    assert code.count("{") == code.count("}") == 3


def test_quotes_and_backslashes_are_escaped():
    edge = types.SimpleNamespace(primitive='a"b\\n', source=0)
    cell = types.SimpleNamespace(nodes=((edge,),), concat=(2,), num_inputs=2)
    genotype = types.SimpleNamespace(cells={"normal": cell})
    _, edges, _ = read(dot.genotype_to_dot(genotype))
    assert edges[0][2] == 'a\\"b\\\\n'
