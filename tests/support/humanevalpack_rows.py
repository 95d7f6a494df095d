"""A task of our own in the form that HumanEvalPack has in each language: `twice`."""

from __future__ import annotations

from functools import cache
from typing import Any

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.types import Task
from tests.support.one_task import of_row

LANGUAGES = ("python", "cpp", "js", "java", "go", "rust")
IDS = {
    "python": "Python",
    "cpp": "CPP",
    "js": "JavaScript",
    "java": "Java",
    "go": "Go",
    "rust": "Rust",
}
PROMPTS = {
    "python": 'def twice(x: int) -> int:\n    """Twice."""\n',
    "cpp": "/*\nTwice.\n*/\n#include<vector>\nusing namespace std;\nlong twice(long x){\n",
    "js": "/* Twice. */\nconst twice = (x) => {\n",
    "java": "import java.util.*;\n\nclass Solution {\n    /** Twice. */\n"
    "    public int twice(int x) {\n",
    "go": 'import (\n    "strings"\n)\n\n// Twice.\nfunc Twice(x int) int {\n',
    "rust": "fn main(){}\n\nuse std::any::Any;\nuse rand::Rng;\n\n/* Twice. */\n"
    "fn twice(x:i32) -> i32{\n",
}
DECLARATIONS = {
    "python": "def twice(x: int) -> int:\n",
    "cpp": "#include<vector>\nusing namespace std;\nlong twice(long x){\n",
    "js": "\nconst twice = (x) => {\n",
    "java": "import java.util.*;\n\nclass Solution {\n    public int twice(int x) {\n",
    "go": "\nfunc Twice(x int) int {\n",
    "rust": "\nuse std::any::Any;\nuse rand::Rng;\n\nfn twice(x:i32) -> i32{\n",
}
BODIES = {
    "python": "    return 2 * x\n",
    "cpp": "    return 2*x;\n}\n",
    "js": "  return 2 * x;\n}\n\n",
    "java": "        return 2 * x;\n    }\n}",
    "go": '    return 2 * x * len(strings.Repeat("x", 1))\n}\n\n',
    "rust": "    return 2 * x;\n}\n",
}
TESTS = {
    "python": "\n\ndef check(twice):\n    assert twice(2) == 4\n    assert twice(0) == 0\n\n"
    "check(twice)\n",
    "cpp": "#undef NDEBUG\n#include<assert.h>\nint main(){\n    assert (twice(2)==4);\n"
    "    assert (twice(0) == 0);\n}\n",
    "js": "const testTwice = () => {\n  console.assert(twice(2) === 4)\n"
    "  console.assert(\n    twice(0) === 0\n  )\n}\n\ntestTwice()\n",
    "java": "public class Main {\n    public static void main(String[] args) {\n"
    "        Solution s = new Solution();\n        List<Boolean> correct = Arrays.asList(\n"
    "                s.twice(2) == 4,\n                s.twice(0) == 0\n        );\n"
    "        if (correct.contains(false)) {\n            throw new AssertionError();\n        }\n"
    "    }\n}\n",
    "go": "func TestTwice(t *testing.T) {\n    assert := assert.New(t)\n"
    "    assert.Equal(4, Twice(2))\n    assert.Equal(0, Twice(0))\n}\n",
    "rust": "\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn test_twice() {\n"
    "        assert_eq!(twice(2), 4);\n        assert!(twice(0) == 0);\n    }\n\n}\n",
}
SETUP = 'package main\n\nimport (\n    "testing"\n    "github.com/stretchr/testify/assert"\n)\n'


def row(language: str, /, **changed: Any) -> dict[str, Any]:
    """A row of our own in this language."""
    name = "Twice" if language == "go" else "twice"
    return {
        "task_id": f"{IDS[language]}/1",
        "prompt": PROMPTS[language],
        "declaration": DECLARATIONS[language],
        "canonical_solution": BODIES[language],
        "buggy_solution": BODIES[language].replace("2 *", "3 *").replace("2*x", "3*x"),
        "test": TESTS[language],
        "entry_point": name,
        "instruction": f"Write `{name}`.\nTwice.\n",
        **({"test_setup": SETUP} if language == "go" else {}),
    } | changed


@cache
def benchmark(language: str, asks: str = "synthesize", protocol: str = "octopack") -> CardBenchmark:
    """The benchmark of our row alone."""
    return of_row(f"humanevalpack_{asks}", row(language), protocol, language)


def only_task(language: str, asks: str = "synthesize", protocol: str = "octopack") -> Task:
    return benchmark(language, asks, protocol).tasks[0]
