"""A task of our own in the form that MultiPL-E has in each language: `twice`."""

from __future__ import annotations

from functools import cache
from typing import Any

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.types import Task
from tests.support.one_task import of_row

QWEN = ("cpp", "cs", "java", "js", "php", "sh", "ts")

# One task in the form that each language's published tests have.
PROMPTS = {
    "cpp": "#include<assert.h>\n#include<bits/stdc++.h>\n// Twice.\nlong twice(long x) {\n",
    "cs": "using System;\nclass Problem {\n    // Twice.\n    public static long Twice(long x) {\n",
    "java": "class Problem {\n    // Twice.\n    public static long twice(long x) {\n",
    "js": "//Twice.\nfunction twice(x){\n",
    "php": "<?php\n// Twice.\nfunction twice($x) {\n",
    "sh": "#!/bin/bash\n# Twice.\ntwice() {\n",
    "ts": "//Twice.\nfunction twice(x: number): number {\n",
    "lua": "-- Twice.\nlocal function twice(x)\n",
    "pl": "# Twice.\nsub twice {\n    my($x) = @_;\n",
    "r": "# Twice.\ntwice <- function(x) {",
    "rb": "# Twice.\ndef twice(x)\n",
    "rkt": "#lang racket\n\n;; Twice.\n(define (twice x)\n",
    "rs": "/// Twice.\nfn twice(x: isize) -> isize {\n",
    "d": "import std.math;\n/*\n\tTwice.\n*/\nlong twice(long x) \n",
    "go": 'package twice_test\n\nimport (\n    "testing"\n    "fmt"\n)\n\n// Twice.\n'
    "func twice(x int) int {\n",
    "jl": '"""Twice."""\nfunction twice(x::Int64)::Int64 \n',
    "scala": "object Problem {\n    // Twice.\n    def twice(x : Long) : Long = {\n",
}
TESTS = {
    "cpp": "}\nint main() {\n    auto candidate = twice;\n"
    "    assert(candidate((2)) == (4));\n    assert(candidate((0)) == (0));\n}\n",
    "cs": "    }\n    public static void Main(string[] args) {\n"
    "    Debug.Assert(Twice((2L)) == (4L));\n    Debug.Assert(Twice((0L)) == (0L));\n    }\n\n}\n",
    "java": "    }\n    public static void main(String[] args) {\n"
    "    assert(twice((2l)) == (4l));\n    assert(twice((0l)) == (0l));\n    }\n\n}\n",
    "js": "const assert = require('node:assert');\n\n\nfunction test() {\n"
    "  let candidate = twice;\n  assert.deepEqual(candidate(2),4);\n"
    "  assert.deepEqual(candidate(0),0);\n}\n\ntest();",
    "php": "function candidate(...$args) {\n    return twice(...$args);\n}\n\n"
    "function test(): void {\n"
    '    if (candidate(2) !== 4) { throw new Exception("Test failed!"); }\n'
    '    if (candidate(0) !== 0) { throw new Exception("Test failed!"); }\n}\n\ntest();',
    "sh": '}\n\ncandidate() {\n    twice "$@"\n}\n\nset -e\nrun_test() {\n'
    '    [[ $(candidate "2") = "4" ]]\n    [[ $(candidate "0") = "0" ]]\n}\n\nrun_test',
}
_OK = ') {\n        print "ok!" }else{\n        exit 1;\n        }\n'
TESTS |= {
    "lua": "lu = require('luaunit')\n\nfunction test_humaneval()\nlocal candidate = twice\n"
    "    lu.assertEquals(candidate(2), 4)\n    lu.assertEquals(candidate(0), 0)\nend\n\n"
    "os.exit(lu.LuaUnit.run())",
    "pl": "use Test::Deep;\n\n\nsub testhumaneval {\n    my $candidate = \\&twice;\n"
    f"        if(eq_deeply($candidate->(2),4){_OK}        if(eq_deeply($candidate->(0),0){_OK}"
    "}\n\ntesthumaneval();",
    "r": "test_humaneval <- function() {\n    candidate <- twice\n"
    "    stopifnot(isTRUE(all.equal(candidate(2), 4)))\n"
    "    stopifnot(isTRUE(all.equal(candidate(0), 0)))\n}\ntest_humaneval()",
    "rb": "require 'test/unit'\nclass TestHumanEval < Test::Unit::TestCase\n  def test_twice\n"
    "    candidate = method(:twice)\n    assert_equal(4, candidate.call(2))\n"
    "    assert_equal(0, candidate.call(0))\n  end\nend\n",
    "rkt": "(require rackunit)\n\n(define (test-humaneval) \n\n  (let (( candidate twice))\n"
    "    (check-within (candidate 2) 4 0.001)\n    (check-within (candidate 0) 0 0.001)\n))\n\n"
    "(test-humaneval)",
    "rs": "}\n\nfn main() {\n    let candidate = twice;\n    assert_eq!(candidate(2), 4);\n"
    "    assert_eq!(candidate(0), 0);\n}\n",
}
TESTS |= {
    "d": "unittest\n{\n    alias candidate = twice;\n\n    assert(candidate(2L) == 4L);\n"
    "    assert(candidate(0L) == 0L);\n}\nvoid main(){}",
    "go": "func TestTwice(t *testing.T) {\n  candidate := twice\n\ttype test struct {\n"
    "\t\tactual   interface{}\n\t\texpected interface{}\n\t}\n   tests := []test{\n"
    "     { actual: candidate(2), expected: 4 },\n     { actual: candidate(0), expected: 0 },\n"
    "   }\n\n\tfor i, tc := range tests {\n"
    '\t\tt.Run(fmt.Sprintf("test num % d", i), func(t *testing.T) {\n'
    '\t\t\tif fmt.Sprintf("%v", tc.actual) != fmt.Sprintf("%v", tc.expected) {\n'
    "\t\t\t\tt.Errorf(\"expected '%s', got '%s'\", tc.expected, tc.actual)\n"
    "\t\t\t}\n\t\t})\n\t}\n}\n",
    "jl": "using Test\n\n@testset begin\n\ncandidate = twice;\n\t@test(candidate(2) == 4)\n"
    "\t@test(candidate(0) == 0)\nend\n",
    "scala": "    }\n    def main(args: Array[String]) = {\n    assert(twice((2l)) == (4l));\n"
    "    assert(twice((0l)) == (0l));\n    }\n\n}\n",
}
TESTS["ts"] = "declare var require: any;\n" + TESTS["js"]
STOP = {"cpp": "\n}", "rs": "\n}", "cs": "\n    }\n", "java": "\n    }\n", "sh": "\n}"}
STOP |= {"d": "\n\n", "go": "\nfunc", "jl": "\nfunction", "scala": "\n    }\n"}
BODIES = {
    "cpp": "    return 2 * x;",
    "cs": "        return 2 * x;",
    "java": "        return 2 * x;",
    "js": "  return 2 * x;\n}",
    "php": "    return 2 * $x;\n}",
    "sh": "    echo $((2 * $1))",
    "ts": "  return 2 * x;\n}",
    "lua": "  return 2 * x\nend",
    "pl": "    return 2 * $x;\n}",
    "r": "\n  2 * x\n}",
    "rb": "  2 * x\nend",
    "rkt": "  (* 2 x))",
    "rs": "    2 * x",
    "d": "{\n    return 2 * x;\n}",
    "go": "    return 2 * x\n}",
    "jl": "    return 2 * x\nend",
    "scala": "        2 * x",
}


def row(language: str, /, **changed: Any) -> dict[str, Any]:
    """A row of our own in this language."""
    name = "HumanEval_1_twice"
    stop = [STOP.get(language, "\nfunction ")]
    texts = {"prompt": PROMPTS[language], "tests": TESTS[language]}
    return {"task_id": name, "name": name, "language": language, "stop_tokens": stop} | (
        texts | changed
    )


@cache
def benchmark(language: str, protocol: str = "qwen") -> CardBenchmark:
    """The benchmark of our row alone."""
    return of_row("multipl_e_humaneval", row(language), protocol, language)


def first_protocol(language: str) -> str:
    """The first protocol that has the language."""
    return "qwen" if language in QWEN else "multipl-e"


def only_task(language: str, protocol: str = "qwen") -> Task:
    return benchmark(language, protocol).tasks[0]
