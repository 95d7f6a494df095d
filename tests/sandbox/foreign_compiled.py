"""Programs in D, Go, Julia and Scala: more of what foreign_programs.py has in other languages."""

from __future__ import annotations

D = "import std.math;\n"
_D_END = "\nlong twice(long x) {\n    return 0;\n}\n"
_D_NOW = "shared static this() { import core.stdc.stdlib : exit; "
GO = 'package twice_test\n\nimport (\n    "testing"\n    "fmt"\n'
_GO_OS = GO + '    "os"\n)\n'
_GO_END = "\nfunc twice(x int) int {\n    return 0\n}\n"
_JL_END = "\nfunction twice(x::Int64)::Int64\n    return 0\nend\n"
SCALA = "object Problem {\n"
_SCALA_END = "\n    def twice(x : Long) : Long = {\n        0L\n"

HOSTILE: dict[str, dict[str, str]] = {
    "d": {
        "leaves in a static constructor": D + _D_NOW + "exit(0); }" + _D_END,
        "leaves in the call": D
        + "long twice(long x) {\n    import core.stdc.stdlib : exit; exit(0); return 0;\n}\n",
        "a tester of its own": D
        + "shared static this() { import core.runtime : Runtime;\n"
        + "    Runtime.moduleUnitTester = function bool() { return true; }; }"
        + _D_END,
        "failed assertions are nothing": D
        + "shared static this() { import core.exception : assertHandler;\n"
        + "    assertHandler = function void(string file, size_t line, string words) nothrow {}; }"
        + _D_END,
        "failed assertions end it well": D
        + "shared static this() { import core.exception : assertHandler;\n"
        + "    assertHandler = function void(string file, size_t line, string words) nothrow {\n"
        + "        import core.stdc.stdlib : exit; exit(0); }; }"
        + _D_END,
        "an error of its own by that name": D
        + "class AssertError : Error { this() { super(null); } }\n"
        + "shared static this() { import core.exception : assertHandler;\n"
        + "    assertHandler = function void(string file, size_t line, string words) nothrow {\n"
        + "        throw new AssertError; }; }"
        + _D_END,
        "equals everything": D
        + "struct Any { bool opEquals(const long other) const { return true; } }\n"
        + "Any twice(long x) {\n    return Any();\n}\n",
        "the tests are a comment": D + _D_END + "void main() {}\n/*",
        "the tests are behind the end": D + _D_END + "void main() {}\n__EOF__\n",
        "the tests are left out": D + _D_END + "void main() {}\nversion (none):\n",
        "a child goes on alone": D
        + "shared static this() { import core.sys.posix.unistd : fork, _exit;\n"
        + "    if (fork()) _exit(0); }"
        + _D_END,
        "reads what is expected": "import std.file, std.string, std.conv;\n"
        "long twice(long x, size_t line = __LINE__) {\n"
        '    auto text = readText("test.d").splitLines[line - 1];\n'
        '    auto rest = text[text.lastIndexOf("== ") + 3 .. $];\n'
        "    return parse!long(rest);\n}\n",
        "prints its file": D
        + _D_NOW
        + "import std.file : readText; import std.stdio : stdout;\n"
        + '    stdout.write(readText("test.d")); stdout.flush(); exit(0); }'
        + _D_END,
    },
    "go": {
        "a main of tests that forgets": _GO_OS
        + "func TestMain(m *testing.M) { m.Run(); os.Exit(0) }"
        + _GO_END,
        "formats of its own": 'package twice_test\n\nimport "testing"\n\ntype all struct{}\n'
        "func (all) Sprintf(form string, rest ...interface{}) string { return form }\n"
        "var fmt = all{}" + _GO_END,
        "reads what is expected": GO
        + '    "os"\n    "regexp"\n    "runtime"\n    "strconv"\n    "strings"\n)\n'
        + "func twice(x int) int {\n    _, _, line, _ := runtime.Caller(1)\n"
        + '    text, _ := os.ReadFile("main_test.go")\n'
        + '    at := strings.Split(string(text), "\\n")[line-1]\n'
        + "    found := regexp.MustCompile(`expected: (\\d+)`).FindStringSubmatch(at)\n"
        + "    value, _ := strconv.Atoi(found[1])\n    return value\n}\n",
        "leaves in init": _GO_OS + "func init() { os.Exit(0) }" + _GO_END,
        "leaves in a variable": _GO_OS
        + "var now = func() int { os.Exit(0); return 0 }()"
        + _GO_END,
        "leaves in the call": _GO_OS + "func twice(x int) int { os.Exit(0); return 0 }\n",
        "a main of tests": _GO_OS + "func TestMain(m *testing.M) { os.Exit(0) }" + _GO_END,
        "no test is run": _GO_OS
        + 'func init() { os.Args = append(os.Args, "-test.run=^$") }'
        + _GO_END,
        "no part of a test is run": _GO_OS
        + 'func init() { os.Args = append(os.Args, "-test.run=^TestTwice$/^x$") }'
        + _GO_END,
        "failures are not printed": GO
        + '    "bufio"\n    "os"\n    "strings"\n)\n'
        + "func TestMain(m *testing.M) {\n    from, to, _ := os.Pipe()\n    screen := os.Stdout\n"
        + "    os.Stdout = to\n    done := make(chan int)\n    go func() {\n"
        + "        lines := bufio.NewScanner(from)\n        for lines.Scan() {\n"
        + '            if !strings.Contains(lines.Text(), "FAIL") {\n'
        + "                fmt.Fprintln(screen, lines.Text())\n            }\n        }\n"
        + "        done <- 1\n    }()\n    m.Run()\n    to.Close()\n    <-done\n    os.Exit(0)\n}"
        + _GO_END,
        "the tests are a comment": GO + ")\n" + _GO_END + "/*",
        "goes on after a panic": _GO_OS
        + "func twice(x int) (r int) {\n"
        + "    defer func() { recover(); os.Exit(0) }()\n    panic(1)\n}\n",
        "prints its file": _GO_OS
        + 'func init() { b, _ := os.ReadFile("main_test.go"); fmt.Print(string(b)); os.Exit(0) }'
        + _GO_END,
    },
    "jl": {
        "leaves at once": "exit(0)" + _JL_END,
        "leaves in the call": "function twice(x)\n    exit(0)\nend\n",
        "leaves at the end": "atexit(() -> ccall(:_exit, Cvoid, (Cint,), 0))" + _JL_END,
        "tests are nothing": "macro test(all...) end" + _JL_END,
        "groups of tests are nothing": "macro testset(all...) end" + _JL_END,
        "failures are not recorded": "import Test\n"
        "Test.record(found::Test.DefaultTestSet, failed::Test.Fail) = failed" + _JL_END,
        "failures end well": "import Test\n"
        "Test.record(found::Test.DefaultTestSet, failed::Test.Fail) = exit(0)" + _JL_END,
        "a group of tests ends well": "import Test\n"
        "Test.finish(found::Test.DefaultTestSet) = found" + _JL_END,
        "numbers equal everything": "Base.:(==)(a::Int64, b::Int64) = true" + _JL_END,
        "equals everything": "struct Every end\nBase.:(==)(a::Every, b::Int64) = true\n"
        "twice(x) = Every()\n",
        "reads what is expected": "function twice(x)\n"
        "    for frame in stacktrace()\n"
        '        endswith(string(frame.file), "test.jl") || continue\n'
        '        found = match(r"== (\\d+)", readlines("test.jl")[frame.line])\n'
        "        found === nothing || return parse(Int, found[1])\n    end\n    0\nend\n",
        "the tests are a comment": _JL_END + "#=\n",
        "the tests are a text": _JL_END + 'rest = """\n',
        "prints its file": 'print(read("test.jl", String)); exit(0)' + _JL_END,
    },
    "scala": {
        "assertions are nothing": SCALA + "    def assert(held : Boolean) = ()" + _SCALA_END,
        "leaves in an initialiser": SCALA + "    sys.exit(0)" + _SCALA_END,
        "equals everything, by an operator": SCALA
        + "    class Any1 { def ==(other : Long) = true }\n"
        + "    def twice(x : Long) : Any1 = {\n        new Any1\n",
        "leaves in the call": SCALA + "    def twice(x : Long) : Long = {\n        sys.exit(0)\n",
        "halts": SCALA + "    Runtime.getRuntime.halt(0)" + _SCALA_END,
        "a hook at the end": SCALA
        + "    Runtime.getRuntime.addShutdownHook(new Thread {\n"
        + "        override def run() = Runtime.getRuntime.halt(0) })"
        + _SCALA_END,
        "a handler for errors": SCALA
        + "    Thread.currentThread.setUncaughtExceptionHandler(\n"
        + "        new Thread.UncaughtExceptionHandler {\n"
        + "            def uncaughtException(t : Thread, e : Throwable) = sys.exit(0) })"
        + _SCALA_END,
        "an error of its own by that name": SCALA
        + "    class AssertionError extends Error\n"
        + "    def assert(held : Boolean) = if (!held) throw new AssertionError"
        + _SCALA_END,
        "equals everything": SCALA
        + "    class Any1 { override def equals(other : Any) = true }\n"
        + "    def twice(x : Long) : Any = {\n        new Any1\n",
        "the tests are a comment": SCALA
        + "    def twice(x : Long) : Long = 0L\n    def main(args : Array[String]) = ()\n}\n/*",
        "another main": "object Other {\n    def main(args : Array[String]) = ()\n}\n"
        + SCALA
        + _SCALA_END,
        "reads what is expected": SCALA
        + "    def twice(x : Long) : Long = {\n"
        + '        val at = new Throwable().getStackTrace.filter(_.getFileName == "test.scala")\n'
        + "            .map(_.getLineNumber).filter(_ > 0)\n"
        + '        val lines = scala.io.Source.fromFile("test.scala").getLines.toArray\n'
        + '        val found = at.flatMap(n => "== .(\\\\d+)l".r.findFirstMatchIn(lines(n - 1)))\n'
        + "        found.last.group(1).toLong\n",
        "prints its file": SCALA
        + '    print(scala.io.Source.fromFile("test.scala").mkString); sys.exit(0)'
        + _SCALA_END,
    },
}

ODD: dict[str, dict[str, str]] = {
    "d": {
        "prints": "import std.stdio;\nlong twice(long x) {\n    writeln(x); return 2 * x;\n}\n",
        "catches errors": D
        + "long twice(long x) {\n    try { throw new Exception(null); } catch (Exception e) {}\n"
        + "    return 2 * x;\n}\n",
        "safe from here on": D + "@safe:\nlong twice(long x) {\n    return 2 * x;\n}\n",
        "tests of its own": D
        + "long twice(long x) {\n    return 2 * x;\n}\nunittest { assert(twice(1) == 2); }\n",
    },
    "go": {
        "prints": GO + ")\nfunc twice(x int) int { fmt.Print(1); return 2 * x }\n",
        "tests of its own": GO
        + ")\nfunc TestOwn(t *testing.T) {\n    if twice(1) != 2 { t.Fail() }\n}\n"
        + "func twice(x int) int { return 2 * x }\n",
        "goroutines": GO
        + ")\nfunc twice(x int) int {\n    found := make(chan int)\n"
        + "    go func() { found <- 2 * x }()\n    return <-found\n}\n",
    },
    "jl": {
        "prints": "function twice(x)\n    println(x)\n    2x\nend\n",
        "catches errors": "function twice(x)\n    try\n        error()\n    catch\n        2x\n"
        "    end\nend\n",
        "tests of its own": "using Test\ntwice(x) = 2x\n@test twice(1) == 2\n",
    },
    "scala": {
        "prints": SCALA + "    def twice(x : Long) : Long = {\n        println(x); 2 * x\n",
        "threads": SCALA + "    def twice(x : Long) : Long = {\n" + "        List(x, x).par.sum\n",
    },
}

BOMBS: dict[str, dict[str, str]] = {
    "d": {
        "memory": D + "long twice(long x) {\n    long[][] all;\n"
        "    while (true) { all ~= new long[1 << 22]; all[$ - 1][] = 1; }\n}\n",
        "compiles without an end": D
        + "long deep(long n) { return n < 2 ? n : deep(n - 1) + deep(n - 2); }\n"
        + "enum never = deep(90);"
        + _D_END,
    },
    "go": {
        "memory": GO
        + ")\nfunc twice(x int) int {\n    var all [][]byte\n    for {\n"
        + "        b := make([]byte, 1<<26)\n        for i := range b { b[i] = 1 }\n"
        + "        all = append(all, b)\n    }\n}\n",
        "embeds a device": GO + '    _ "embed"\n)\n//go:embed /dev/zero\nvar zero string' + _GO_END,
        "does not end": GO + ")\nfunc twice(x int) int { for {} }\n",
    },
    "jl": {"does not compile": "function twice(x)\n    2 * x\n"},
    "scala": {
        "does not compile": SCALA + "    def twice(x : Long) : Long = {\n        2 * y\n",
    },
}
