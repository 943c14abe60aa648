"""Nodes of the graph, their hooks, edges: program by program against PyTorch."""

# ruff: noqa: B023, RUF059  (the lambdas are called at once; what is unpacked may matter by living)

from __future__ import annotations

from typing import Any

from .agreement import agree, attempt
from .test_backward import leaf


@agree
def test_names_and_edges(torch: Any) -> Any:
    x, c = leaf(torch, 1.0, 2.0), torch.ones(2)
    made = [x * c, x * 2, 2 * x, x + 1, x - c, 1 - x, x / 2, 2 / x, x**2, x**c, 2**x, -x, x.exp(), x.sum(), x.sum(0)]
    made += [
        x.view(2, 1),
        x.clone(),
        x.double(),
        x.expand(3, 2),
        x.view(2, 1).transpose(0, 1),
        x.detach().requires_grad_(),
    ]
    made += [x.as_strided((2,), (0,)), x.reshape(1, 2), x.contiguous(), x.sin().cos().tanh(), x.sqrt().log()]
    found = [(m.grad_fn, m.grad_fn and m.grad_fn.next_functions, m.output_nr, repr(m.grad_fn)) for m in made]
    a, b = (x * 2).split(1)
    found.append((a.grad_fn, a.grad_fn is b.grad_fn, b.output_nr, (b * 1).grad_fn.next_functions[0][1]))
    return found


@agree
def test_attributes(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * x
    node = y.grad_fn
    node.metadata["key"] = [1]
    sink = node.next_functions[0][0]
    found = [y.grad_fn is node, node.metadata, y.grad_fn.metadata, sink.variable is x, sink.name(), node.name()]
    found += [sink is node.next_functions[1][0], (x * 3).grad_fn.next_functions[0][0] is sink, sink.next_functions]
    found += [
        isinstance(node, torch.autograd.graph.Node),
        isinstance(sink, torch.autograd.graph.Node),
        type(node).__name__,
    ]
    found += [
        isinstance(3, torch.autograd.graph.Node),
        attempt(lambda: setattr(node, "foo", 1)),
        sink._sequence_nr() > 10,
    ]
    z = x * 1
    found += [z.grad_fn._sequence_nr() > node._sequence_nr(), node.requires_grad, attempt(lambda: node.foo)]
    return found


@agree
def test_calling(torch: Any) -> Any:
    x, y = leaf(torch, 1.0, 2.0), leaf(torch, 3.0, 4.0)
    node = (x * y).grad_fn
    found = [node(torch.ones(2)), attempt(lambda: node()), attempt(lambda: node(3)), attempt(lambda: node(None))]
    found += [attempt(lambda: node(torch.ones(2), torch.ones(2)))]
    with torch.no_grad():
        found += [node(torch.ones(2))]
    sink = node.next_functions[0][0]
    found += [sink(torch.ones(2)), x.grad]
    log: list[Any] = []
    node.register_hook(lambda gi, go: log.append("post"))
    node.register_prehook(lambda go: log.append("pre"))
    node(torch.ones(2))
    (x.exp()).grad_fn(torch.ones(2))
    return found, log


@agree
def test_hook_returns(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    found: list[Any] = []
    post = (
        lambda gi, go: (gi[0] * 2, gi[1]),
        lambda gi, go: (gi[0],),
        lambda gi, go: gi[0],
        lambda gi, go: [gi[0], None],
        lambda gi, go: (gi[0], torch.ones(1)),
        lambda gi, go: (None, None),
        lambda gi, go: (torch.ones(3), None),
        lambda gi, go: (gi[0].double(), None),
        lambda gi, go: (3, None),
        lambda gi, go: 3,
    )
    for hook in post:
        x.grad = None
        y = x * 2
        y.grad_fn.register_hook(hook)
        found.append((attempt(lambda: y.sum().backward()), x.grad))
    pre = (
        lambda go: (go[0] * 2,),
        lambda go: go[0],
        lambda go: (go[0], go[0]),
        lambda go: (None,),
        lambda go: [go[0]],
        lambda go: (torch.ones(3),),
        lambda go: None,
        lambda go: (3,),
    )
    for hook in pre:
        x.grad = None
        y = x * 2
        y.grad_fn.register_prehook(hook)
        found.append((attempt(lambda: y.sum().backward()), x.grad))
    return found


@agree
def test_several_hooks(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    y = x * 2
    log: list[Any] = []
    y.grad_fn.register_prehook(lambda go: log.append(go) or (go[0] * 10,))
    h = y.grad_fn.register_prehook(lambda go: log.append(go) or (go[0] + 1,))
    y.grad_fn.register_hook(lambda gi, go: log.append((gi, go)) or (gi[0] * 3, None))
    k = y.grad_fn.register_hook(lambda gi, go: log.append((gi, go)))
    out = y.sum()
    out.backward(retain_graph=True)
    first = x.grad.clone()
    h.remove()
    k.remove()
    k.remove()
    out.backward()
    return first, x.grad, log


@agree
def test_hooks_only_where_executed(torch: Any) -> Any:
    x, y = leaf(torch, 1.0), leaf(torch, 2.0)
    a, b = x * 2, y * 3
    log: list[Any] = []
    for name, t in (("a", a), ("b", b)):
        t.grad_fn.register_hook(lambda gi, go, name=name: log.append(("post", name)))
        t.grad_fn.register_prehook(lambda go, name=name: log.append(("pre", name)))
        t.register_hook(lambda g, name=name: log.append(("tensor", name)))
    out = (a * b).sum()
    torch.autograd.grad(out, x, retain_graph=True)
    torch.autograd.grad(out, a, retain_graph=True)
    torch.autograd.grad(out, (a, x), retain_graph=True)
    out.backward(inputs=[b], retain_graph=True)
    return log


@agree
def test_execution_order(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    log: list[Any] = []
    nodes = [x * 2, x.sin(), x.exp()]
    more = [nodes[2] * 2, nodes[0] * 3, nodes[1] * 4]
    for k, t in enumerate(nodes + more):
        t.grad_fn.register_hook(lambda gi, go, k=k: log.append(k))
    x.register_hook(lambda g: log.append("x"))
    y = leaf(torch, 5.0)
    y.register_hook(lambda g: log.append("y"))
    (more[0] + more[1] + more[2] + y).sum().backward()
    return log


@agree
def test_multi_output_hooks(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0, 3.0)
    a, b, c = x.split(1)
    log: list[Any] = []
    a.register_hook(lambda g: log.append(("a", g)))
    b.register_hook(lambda g: log.append(("b", g)))
    a.grad_fn.register_prehook(lambda go: log.append(go))
    a.grad_fn.register_hook(lambda gi, go: log.append((gi, go)))
    (a * 2 + c).sum().backward()
    return log, x.grad


@agree
def test_edges(torch: Any) -> Any:
    x = leaf(torch, 1.0, 2.0)
    edge_of = torch.autograd.graph.get_gradient_edge
    y = x * 2
    edge = edge_of(y)
    a, b = y.split(1)
    leaf_edge = edge_of(x)
    return [
        edge.node is y.grad_fn,
        edge.output_nr,
        edge.ownership_token,
        len(edge),
        edge_of(b).output_nr,
        leaf_edge.node.variable is x,
        leaf_edge.node is edge_of(x).node,
        edge == edge_of(y),
        torch.autograd.graph.GradientEdge(y.grad_fn, 0) == edge,
        attempt(lambda: edge_of(3)),
        isinstance(edge, tuple),
    ]


@agree
def test_increment_version(torch: Any) -> Any:
    bump = torch.autograd.graph.increment_version
    x, a, b = leaf(torch, 1.0, 2.0), torch.ones(2), torch.ones(2)
    y = (x * a).sum()
    bump(a)
    bump([a, b])
    bump((b,))
    with torch.inference_mode():
        i = torch.ones(2)
    return a._version, b._version, attempt(y.backward), attempt(lambda: bump(i)), attempt(lambda: bump(3))


@agree
def test_accumulate_node_dies_and_returns(torch: Any) -> Any:
    x = leaf(torch, 1.0)
    log: list[Any] = []
    y = x * 2
    y.grad_fn.next_functions[0][0].register_hook(lambda gi, go: log.append("kept"))
    y.backward()
    del y
    (x * 2).backward()
    return log, x.grad
