"""House rules about the source that no linter has: size, names, docstrings, and who may ask the world."""

from __future__ import annotations

import ast
import re

from hitl_stream.contract import topics
from tests.rules.source import PURE, Module, modules, names

MODULE_LINES_MAX = 300
TEST_MODULE_LINES_MAX = 450
FUNCTION_LINES_MAX = 50
EMPTY_NAMES = {
    "base",
    "common",
    "handler",
    "handlers",
    "helper",
    "helpers",
    "manager",
    "misc",
    "service",
    "tools",
    "util",
    "utils",
}
THE_WORLD = re.compile(
    r"^(os\.(environ|getenv|putenv)|time\.(time|monotonic|perf_counter)|uuid\.uuid[14]|random\.\w+|secrets\.\w+"
    r"|(datetime\.)?(datetime|date)\.(now|utcnow|today))"
)
ENVIRONMENT = re.compile(r"^os\.(environ|environb|getenv|putenv|unsetenv)\b")
SLEEP = re.compile(r"^(time|asyncio)\.sleep$")


def product() -> tuple[Module, ...]:
    return modules("hitl_stream", "examples")


def test_every_module_says_what_it_is_for() -> None:
    assert [
        m.name for m in modules("hitl_stream", "examples", "tests") if m.text.strip() and not ast.get_docstring(m.tree)
    ] == []


def test_no_module_of_the_product_is_too_long() -> None:
    sizes = {m.name: len(m.text.splitlines()) for m in product()}
    assert {name: lines for name, lines in sizes.items() if lines > MODULE_LINES_MAX} == {}


def test_no_module_of_the_tests_is_too_long() -> None:
    sizes = {m.name: len(m.text.splitlines()) for m in modules("tests")}
    assert {name: lines for name, lines in sizes.items() if lines > TEST_MODULE_LINES_MAX} == {}


def test_no_function_is_too_long() -> None:
    long = {
        f"{m.name}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for m in product()
        for node in ast.walk(m.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    }
    assert {place: lines for place, lines in long.items() if lines > FUNCTION_LINES_MAX} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [m.name for m in product() if m.path.stem in EMPTY_NAMES] == []


def test_only_settings_reads_the_environment() -> None:
    readers = {
        f"{m.name}:{line} {name}"
        for m in modules("hitl_stream")
        if m.package != "settings"
        for line, name in names(m)
        if ENVIRONMENT.match(name)
    }
    assert readers == set()


def test_the_pure_middle_reads_no_clock_and_draws_no_lots() -> None:
    asking = {
        f"{m.name}:{line} {name}"
        for m in modules("hitl_stream")
        if m.package in PURE
        for line, name in names(m)
        if THE_WORLD.match(name)
    }
    assert asking == set()


def test_topics_are_named_in_their_file_only() -> None:
    physical = {topic.name for topic in topics.load()}
    naming = {
        f"{m.name}:{node.lineno} {node.value}"
        for m in modules("hitl_stream")
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Constant) and node.value in physical and id(node) not in m.docstrings()
    }
    assert naming == set()


def test_the_product_ignores_no_type_error() -> None:
    assert [m.name for m in product() if re.search(r"#\s*(type|mypy):\s*(ignore|disable)", m.text)] == []


def test_no_test_sleeps() -> None:
    sleeping = {
        f"{m.name}:{line}"
        for m in modules("tests")
        if m.name != "tests/harness/wait.py"
        for line, name in names(m)
        if SLEEP.match(name)
    }
    assert sleeping == set()
