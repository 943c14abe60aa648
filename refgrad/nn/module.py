"""Module: what owns parameters, buffers and submodules, and is called. Source: torch.nn.Module."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .. import _dtypes as dtypes
from .._graph import RemovableHandle, add_hook
from .._tensor import Tensor
from .backward_hook import BackwardHook
from .parameter import Parameter
from .tree import StateDict

_STORES = ("_parameters", "_buffers", "_modules")


class Module(StateDict):
    """The base class of models: subclasses call `super().__init__()`, assign parameters and submodules, and define
    `forward`. Source: torch.nn.Module. Trap: assigning before `super().__init__()` raises."""

    training: bool

    def __init__(self) -> None:
        own = self.__dict__
        own["training"] = True
        for store in _STORES:
            own[store] = {}
        own["_non_persistent_buffers_set"] = set()
        own["_forward_hooks"], own["_forward_pre_hooks"] = OrderedDict(), OrderedDict()
        own["_backward_hooks"], own["_backward_pre_hooks"] = OrderedDict(), OrderedDict()
        own["_hook_options"] = {}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        own = self.__dict__
        if not (
            own["_forward_hooks"] or own["_forward_pre_hooks"] or own["_backward_hooks"] or own["_backward_pre_hooks"]
        ):
            return self.forward(*args, **kwargs)
        return self._call_with_hooks(args, kwargs)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for key, hook in list(self._forward_pre_hooks.items()):
            args, kwargs = self._run_pre_hook(key, hook, args, kwargs)
        backward = None
        if self._backward_hooks or self._backward_pre_hooks:
            backward = BackwardHook(self, list(self._backward_hooks.values()), list(self._backward_pre_hooks.values()))
            args = backward.on_inputs(args)
        result = self.forward(*args, **kwargs)
        for key, hook in list(self._forward_hooks.items()):
            given = (self, args, kwargs, result) if self._hook_options.get(key) else (self, args, result)
            replaced = hook(*given)
            result = result if replaced is None else replaced
        return result if backward is None else backward.on_outputs(result)

    def _run_pre_hook(self, key: int, hook: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
        if self._hook_options.get(key):
            found = hook(self, args, kwargs)
            if found is None:
                return args, kwargs
            if not (isinstance(found, tuple) and len(found) == 2):
                raise RuntimeError(
                    f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {found}."
                )
            return found
        found = hook(self, args)
        if found is None:
            return args, kwargs
        return (found if isinstance(found, tuple) else (found,)), kwargs

    def _register(self, hooks: Any, hook: Any, prepend: bool, with_kwargs: bool = False) -> RemovableHandle:
        handle = add_hook(hooks, hook)
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        if with_kwargs:
            self._hook_options[handle.id] = True
        return handle

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls hook(module, args) before forward; a result replaces args. Source:
        torch.nn.Module.register_forward_pre_hook."""
        return self._register(self._forward_pre_hooks, hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Calls hook(module, args, output) after forward; a result replaces the output. Source:
        torch.nn.Module.register_forward_hook."""
        return self._register(self._forward_hooks, hook, prepend, with_kwargs)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Calls hook(module, grad_input, grad_output) when the gradients of the inputs are known; a result replaces
        grad_input. Source: torch.nn.Module.register_full_backward_hook. Trap: inputs and outputs become views of a
        custom function, which may not be written in place."""
        return self._register(self._backward_hooks, hook, prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Calls hook(module, grad_output) before; a result replaces grad_output. Source:
        torch.nn.Module.register_full_backward_pre_hook."""
        return self._register(self._backward_pre_hooks, hook, prepend)

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, (Parameter, Module)):
            kind = "parameters" if isinstance(value, Parameter) else "module"
            if "_parameters" not in own:
                raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
            self._forget(name)
            own["_parameters" if isinstance(value, Parameter) else "_modules"][name] = value
        elif name in own.get("_parameters", ()):
            self._check_assigned(name, value, "parameter", "torch.nn.Parameter")
            own["_parameters"][name] = value
        elif name in own.get("_modules", ()):
            self._check_assigned(name, value, "child module", "torch.nn.Module")
            own["_modules"][name] = value
        elif name in own.get("_buffers", ()):
            if not isinstance(value, Tensor):
                self._check_assigned(name, value, "buffer", "torch.nn.Buffer, torch.Tensor")
            own["_buffers"][name] = value
        else:
            object.__setattr__(self, name, value)

    @staticmethod
    def _check_assigned(name: str, value: Any, kind: str, wanted: str) -> None:
        if value is not None:
            raise TypeError(f"cannot assign '{_kind(value)}' as {kind} '{name}' ({wanted} or None expected)")

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for store in _STORES:
            if store in own and name in own[store]:
                return own[store][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for store in _STORES:
            if name in self.__dict__[store]:
                del self.__dict__[store][name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def _forget(self, name: str) -> None:
        self.__dict__.pop(name, None)
        for store in _STORES:
            self.__dict__[store].pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter, or None as its place. Source: torch.nn.Module.register_parameter."""
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name(name, "parameter")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{_kind(param)}' object to parameter '{name}' (torch.nn.Parameter or None required)"
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is state but not a parameter. Source: torch.nn.Module.register_buffer."""
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name(name, "buffer")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_kind(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            )
        self._buffers[name] = tensor
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a submodule. Source: torch.nn.Module.add_module."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self._check_name(name, "module")
        self._modules[name] = module

    register_module = add_module

    def _check_name(self, name: str, kind: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type(name).__name__}")
        if hasattr(self, name) and name not in self.__dict__["_modules" if kind == "module" else f"_{kind}s"]:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name or not name:
            problem = 'can\'t contain "."' if "." in name else 'can\'t be empty string ""'
            raise KeyError(f"{kind} name {problem}" + (f", got: {name}" if kind == "module" and name else ""))

    def apply(self, fn: Callable[[Module], None]) -> Module:
        """Calls fn on every submodule, then on the module. Source: torch.nn.Module.apply."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Module:
        """Sets training mode here and below. Source: torch.nn.Module.train."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Module:
        """Sets evaluation mode. Source: torch.nn.Module.eval. Trap: gradients are still recorded."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Sets requires_grad of all parameters. Source: torch.nn.Module.requires_grad_."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clears all parameters' gradients. Source: torch.nn.Module.zero_grad."""
        for p in self.parameters():
            clear_grad(p, set_to_none)

    def to(self, *args: Any, dtype: Any = None, device: Any = None, **_: Any) -> Module:
        """Converts floating and complex parameters and buffers in place. Source: torch.nn.Module.to.
        Trap: parameters keep their identity, their data is replaced."""
        for a in args:
            dtype = a if isinstance(a, dtypes.dtype) else (a.dtype if isinstance(a, Tensor) else dtype)
        if dtype is not None:
            if not (dtype.is_floating_point or dtype.is_complex):
                raise TypeError(
                    f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
                )
            self._convert(dtype)
        return self

    def _convert(self, dtype: Any) -> None:
        for module in self.modules():
            for p in module._parameters.values():
                if p is not None and (p.is_floating_point() or p.is_complex()):
                    p.data = p.data.to(dtype)
                    if p._grad is not None:
                        p._grad = p._grad.to(dtype)
            for name, b in module._buffers.items():
                if b is not None and (b.is_floating_point() or b.is_complex()):
                    module._buffers[name] = b.to(dtype)

    def float(self) -> Module:
        return self.to(dtypes.float32)

    def double(self) -> Module:
        return self.to(dtypes.float64)

    def half(self) -> Module:
        return self.to(dtypes.float16)

    def bfloat16(self) -> Module:
        return self.to(dtypes.bfloat16)

    def cpu(self) -> Module:
        return self

    def extra_repr(self) -> str:
        """What stands in the brackets of the module's text."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._parameters, *self._buffers, *self._modules})

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = [f"({name}): {_indented(repr(module))}" for name, module in self._modules.items()]
        head = extra.split("\n") if extra else []
        if not lines and len(head) < 2:
            return f"{self._get_name()}({extra})"
        return f"{self._get_name()}(\n  " + "\n  ".join(head + lines) + "\n)"


def _kind(value: Any) -> str:
    """A value's type as PyTorch's errors name it."""
    return f"torch.{value.dtype.short}" if isinstance(value, Tensor) else type(value).__name__


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")


def clear_grad(p: Tensor, set_to_none: bool) -> None:
    """Drops a parameter's gradient, or detaches it and fills it with zeros."""
    if p._grad is None:
        return
    if set_to_none:
        p._grad = None
        return
    if p._grad.grad_fn is not None:
        p._grad.detach_()
    else:
        p._grad.requires_grad_(False)
    p._grad.zero_()
