"""Rules of the shell that no linter knows, read from the syntax tree (design D3)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from services.ews import faust_app, partition

_EWS = Path(faust_app.__file__).parent
_AWAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield, ast.YieldFrom)


def agents(source: str) -> list[ast.AsyncFunctionDef]:
    """Every function that is decorated with ``….agent(…)``."""
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AsyncFunctionDef)
        and any(
            isinstance(decorator, ast.Call)
            and isinstance(decorator.func, ast.Attribute)
            and decorator.func.attr == "agent"
            for decorator in node.decorator_list
        )
    ]


def offences(agent: ast.AsyncFunctionDef) -> list[str]:
    """What an agent does beside its one ``async for``."""
    found = [node for node in ast.walk(agent) if isinstance(node, _AWAITS)]
    loops = [node for node in agent.body if isinstance(node, ast.AsyncFor)]
    said = [f"line {node.lineno}: {type(node).__name__}" for node in found if node not in loops]
    if len(loops) != 1:
        said.append(f"{len(loops)} async for loops at the top of its body")
    return said


def test_the_agent_awaits_nothing_but_its_stream() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in _EWS.glob("*.py")}
    found = [(path.name, agent) for path, source in sources.items() for agent in agents(source)]
    assert [name for name, _ in found] == ["faust_app.py"]
    assert offences(found[0][1]) == []


def test_what_the_agent_calls_cannot_await() -> None:
    """feed() of the shell and everything of a partition's runner are plain functions."""
    tree = ast.parse(Path(partition.__file__).read_text(encoding="utf-8"))
    assert not [
        node for node in ast.walk(tree) if isinstance(node, (ast.AsyncFunctionDef, *_AWAITS))
    ]
    shell = ast.parse((_EWS / "shell.py").read_text(encoding="utf-8"))
    functions = {
        node.name: node
        for node in ast.walk(shell)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert isinstance(functions["feed"], ast.FunctionDef)


@pytest.mark.parametrize(
    "body",
    [
        "async for event in stream:\n        await send(event)",
        "async for event in stream:\n        async with lock:\n            pass",
        "await before()\n    async for event in stream:\n        pass",
        "async for event in stream:\n        yield event",
        "async for event in stream:\n        async for other in more:\n            pass",
        "pass",
    ],
)
def test_the_rule_would_notice(body: str) -> None:
    source = f"@app.agent(topic)\nasync def facts(stream):\n    {body}\n"
    [agent] = agents(source)
    assert offences(agent)


def test_concurrency_is_one_and_acks_are_off() -> None:
    tree = ast.parse(Path(faust_app.__file__).read_text(encoding="utf-8"))
    calls = {
        node.func.attr: {
            k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)
        }
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"agent", "topic"}
    }
    assert calls["agent"]["concurrency"] == 1
    assert calls["topic"]["acks"] is False
