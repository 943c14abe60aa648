"""What a Module can tell about the modules, parameters and buffers in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .._tensor import Tensor


class Tree:
    """Walks over a module and its submodules. Each object is seen once, in the order in which it was assigned."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]

    def children(self) -> Iterator[Any]:
        """The modules directly below. Source: torch.nn.Module.children."""
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """(name, module) of those directly below. Source: torch.nn.Module.named_children."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator[Any]:
        """The module and all below. Source: torch.nn.Module.modules."""
        for _, module in self.named_modules():
            yield module

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """(dotted name, module) of the module ("") and all below. Source: torch.nn.Module.named_modules."""
        memo = set() if memo is None else memo
        if id(self) in memo:
            return
        if remove_duplicate:
            memo.add(id(self))
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, prefix + ("." if prefix else "") + name, remove_duplicate)

    def _members(self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        owners = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for owner, module in owners:
            for name, value in getattr(module, kind).items():
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield owner + ("." if owner else "") + name, value

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        """The parameters, also of submodules. Source: torch.nn.Module.parameters."""
        for _, value in self.named_parameters(recurse=recurse):
            yield value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """(dotted name, parameter). Source: torch.nn.Module.named_parameters."""
        return self._members("_parameters", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, also of submodules. Source: torch.nn.Module.buffers."""
        for _, value in self.named_buffers(recurse=recurse):
            yield value

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(dotted name, buffer). Source: torch.nn.Module.named_buffers."""
        return self._members("_buffers", prefix, recurse, remove_duplicate)

    def get_submodule(self, target: str) -> Any:
        """The module of a dotted name. Raises AttributeError. Source: torch.nn.Module.get_submodule."""
        found: Any = self
        for name in target.split(".") if target else ():
            if name not in found._modules:
                raise AttributeError(type(found).__name__ + " has no attribute `" + name + "`")
            found = found._modules[name]
        return found

    def get_parameter(self, target: str) -> Any:
        """The parameter of a dotted name. Raises AttributeError. Source: torch.nn.Module.get_parameter."""
        return self._member("_parameters", target, "nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of a dotted name. Raises AttributeError. Source: torch.nn.Module.get_buffer."""
        return self._member("_buffers", target, "buffer")

    def _member(self, kind: str, target: str, text: str) -> Any:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if not hasattr(owner, name):
            raise AttributeError(f"{type(owner).__name__} has no attribute `{name}`")
        found = getattr(owner, kind).get(name)
        if found is None:
            raise AttributeError(f"`{name}` is not an {text}" if text[0] == "n" else f"`{name}` is not a {text}")
        return found


class Keys(tuple[list[str], list[str]]):
    """The names that load_state_dict missed and those that it did not expect."""

    __slots__ = ()
    missing_keys = property(lambda self: self[0])
    unexpected_keys = property(lambda self: self[1])

    def __repr__(self) -> str:
        if not self[0] and not self[1]:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self[0]}, unexpected_keys={self[1]})"


class StateDict(Tree):
    """Saving and loading a module's parameters and buffers."""

    def state_dict(self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """{dotted name: detached tensor on the same memory} of parameters and persistent buffers. Source:
        torch.nn.Module.state_dict. Trap: training goes on in the same memory; copy to keep a state."""
        from collections import OrderedDict

        found = OrderedDict() if destination is None else destination
        for owner, module in self.named_modules(remove_duplicate=False):
            start = prefix + owner + ("." if owner else "")
            for name, value in module._state_members():
                found[start + name] = value if keep_vars else value.detach()
        return found

    def _state_members(self) -> Iterator[tuple[str, Tensor]]:
        transient = self.__dict__["_non_persistent_buffers_set"]
        for name, value in (*self._parameters.items(), *self._buffers.items()):
            if value is not None and name not in transient:
                yield name, value

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Keys:
        """Copies tensors by name into parameters and buffers (`assign`: replaces them). Source:
        torch.nn.Module.load_state_dict. Raises RuntimeError, naming keys, if `strict` and names differ, or sizes do."""
        if not hasattr(state_dict, "items"):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        expected, problems = {}, []
        for owner, module in self.named_modules(remove_duplicate=False):
            start = owner + ("." if owner else "")
            expected.update({start + name: (module, name, value) for name, value in module._state_members()})
        missing = [name for name in expected if name not in state_dict]
        unexpected = [name for name in state_dict if name not in expected]
        for key, (module, name, value) in expected.items():
            if key in state_dict:
                problems += _load_one(module, name, value, key, state_dict[key], assign)
        if strict:
            problems = _key_problems("Missing", missing) + _key_problems("Unexpected", unexpected) + problems
        if problems:
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(problems))
        return Keys((missing, unexpected))


def _key_problems(kind: str, names: list[str]) -> list[str]:
    if not names:
        return []
    quoted = ", ".join(f'"{n}"' for n in names)
    return [f"{kind} key(s) in state_dict: {quoted}. "]


def _load_one(module: Any, name: str, value: Tensor, key: str, given: Tensor, assign: bool) -> list[str]:
    from .._modes import no_grad
    from .parameter import Parameter

    if value.shape != given.shape:
        return [
            f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, the shape in current "
            f"model is {value.shape}."
        ]
    if assign:
        is_parameter = isinstance(value, Parameter)
        made = Parameter(given, value.requires_grad) if is_parameter and not isinstance(given, Parameter) else given
        setattr(module, name, made)
    else:
        with no_grad():
            value.copy_(given)
    return []
