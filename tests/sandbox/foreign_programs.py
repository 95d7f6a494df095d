"""Programs in other languages: cheats, none of which may pass, and odd ones, all of which must.

Each stands before the published tests of `twice` (tests/benchmarks/test_multipl_e.py) as a
model's program would. The keys say what a program does; LANGUAGES are those of the paper.
"""

from __future__ import annotations

CPP = "#include <assert.h>\n#include <bits/stdc++.h>\n"
_CPP_END = "\nlong twice(long x) {\n    return 0;\n"
JAVA = "import java.util.*;\nclass Problem {\n"
_JAVA_END = "\n    public static long twice(long x) {\n        return 0;\n"
CS = "using System;\nusing System.Diagnostics;\nclass Problem {\n"
_CS_END = "\n    public static long Twice(long x) {\n        return 0;\n"
_JS_END = "\nfunction twice(x) { return 0; }\n"
_TS_END = "\nfunction twice(x: number): number { return 0; }\n"
_TS_NODE = "declare var process: any;\n"
_PHP_END = "\nfunction twice($x) { return 0; }\n"
_SH_END = "\ntwice() {\n    echo 0\n"
_JS_LAST_WORD = (
    "const words_ = require('fs').readFileSync(__filename, 'utf8').match(/[0-9a-f]{16,}/g);\n"
    "console.log(words_.slice(-2).join(''));\nprocess.exit(0);"
)

HOSTILE: dict[str, dict[str, str]] = {
    "cpp": {
        "leaves before main": CPP + "static int now = (exit(0), 0);" + _CPP_END,
        "leaves in a constructor function": CPP
        + "__attribute__((constructor)) static void now() { _exit(0); }"
        + _CPP_END,
        "leaves in the call": CPP + "long twice(long x) {\n    exit(0);\n",
        "leaves at exit": CPP
        + "static int now = atexit([] { _exit(0); });\nlong twice(long x) {\n    throw 1;\n",
        "assertions are nothing": CPP + "#undef assert\n#define assert(x) ((void)0)" + _CPP_END,
        "assertions are nothing, by NDEBUG": "#define NDEBUG\n" + CPP + _CPP_END,
        "assertions say so and go on": CPP
        + 'extern "C" void __assert_fail(const char*, const char*, unsigned, const char*) noexcept'
        + " { for (;;) _exit(0); }"
        + _CPP_END,
        "equals everything": CPP
        + "struct Any { template <class T> bool operator==(T) const { return true; } };\n"
        + "Any twice(long x) {\n    return {};\n",
        "equals everything, by a macro": CPP + "#define candidate(x) 4 == 4 || 4" + _CPP_END,
        "a handler for the failed assertion": CPP
        + "static auto now = signal(SIGABRT, [](int) { _exit(0); });"
        + _CPP_END,
        "jumps over the failed assertion": CPP
        + "#include <setjmp.h>\nstatic jmp_buf back;\n"
        + "static auto now = signal(SIGABRT, [](int) { longjmp(back, 1); });\n"
        + "#undef assert\n#define assert(x) do { if (!setjmp(back) && !(x)) abort(); } while (0)"
        + _CPP_END,
        "another main": CPP
        + 'extern "C" int other() __asm__("main");\nextern "C" int other() { return 0; }\n'
        + "#define main ignored"
        + _CPP_END,
        "the tests are left out": CPP + "int main() { return 0; }\n#if 0\n",
        "a child that goes on alone": CPP
        + "static int now = fork() ? (_exit(0), 0) : 0;"
        + _CPP_END,
        "prints its file": CPP
        + 'static int now = (std::cout << std::ifstream("test.cpp").rdbuf(), 0);'
        + " static int then = (std::cout.flush(), _exit(0), 0);"
        + _CPP_END,
        "includes its file as text": CPP + 'asm(".incbin \\"/proc/self/environ\\"");' + _CPP_END,
    },
    "java": {
        "leaves in a static initialiser": JAVA + "    static { System.exit(0); }" + _JAVA_END,
        "halts": JAVA + "    static { Runtime.getRuntime().halt(0); }" + _JAVA_END,
        "leaves in the call": JAVA
        + "    public static long twice(long x) {\n        System.exit(0); return 0;\n",
        "a hook at the end": JAVA
        + "    static { Runtime.getRuntime().addShutdownHook(new Thread(() ->\n"
        + "        Runtime.getRuntime().halt(0))); }"
        + _JAVA_END,
        "a handler for errors": JAVA
        + "    static { Thread.setDefaultUncaughtExceptionHandler((t, e) ->\n"
        + "        Runtime.getRuntime().halt(0)); }"
        + _JAVA_END,
        "assertions off, by reflection": JAVA
        + "    static { try {\n"
        + '        var field = Class.forName("sun.misc.Unsafe").getDeclaredField("theUnsafe");\n'
        + "        field.setAccessible(true);\n"
        + "        var unsafe = (sun.misc.Unsafe) field.get(null);\n"
        + '        var off = Problem.class.getDeclaredField("$assertionsDisabled");\n'
        + "        unsafe.putBoolean(unsafe.staticFieldBase(off),\n"
        + "            unsafe.staticFieldOffset(off), true);\n"
        + "    } catch (Exception e) { throw new RuntimeException(e); } }"
        + _JAVA_END,
        "an error of its own by that name": JAVA
        + "    static class AssertionError extends RuntimeException {}"
        + _JAVA_END,
        "a printer of its own": JAVA
        + "    static class System { static class out { static void println(Object o) {} } }"
        + _JAVA_END,
        "the tests are a comment": JAVA
        + "    public static long twice(long x) { return 0; }\n"
        + "    public static void main(String[] args) {}\n}\n/*",
        "prints its file": JAVA
        + "    static { try { System.out.println(java.nio.file.Files.readString(\n"
        + '        java.nio.file.Path.of("Problem.java"))); } catch (Exception e) {}\n'
        + "        Runtime.getRuntime().halt(0); }"
        + _JAVA_END,
    },
    "cs": {
        "leaves in a static constructor": CS
        + "    static Problem() { Environment.Exit(0); }"
        + _CS_END,
        "leaves in the call": CS
        + "    public static long Twice(long x) {\n        Environment.Exit(0); return 0;\n",
        "no listeners": CS + "    static Problem() { Debug.Listeners.Clear(); }" + _CS_END,
        "a debugger of its own": CS
        + "    static class Debug { public static void Assert(bool held) {} }"
        + _CS_END,
        "errors are nowhere": CS
        + "    static Problem() { Console.SetError(System.IO.TextWriter.Null); }"
        + _CS_END,
        "equals everything": CS
        + "    public struct Any { public static bool operator ==(Any a, long b) { return true; }\n"
        + "        public static bool operator !=(Any a, long b) { return false; }\n"
        + "        public override bool Equals(object o) { return true; }\n"
        + "        public override int GetHashCode() { return 0; } }\n"
        + "    public static Any Twice(long x) {\n        return new Any();\n",
        "the tests are left out": CS
        + "    public static long Twice(long x) { return 0; }\n"
        + "    public static void Main() {}\n}\n#if NEVER\n",
    },
    "js": {
        "leaves at once": "process.exit(0);" + _JS_END,
        "leaves in the call": "function twice(x) { process.exit(0); }\n",
        "ends by a signal of its own": "process.kill(process.pid, 'SIGKILL');" + _JS_END,
        "errors are caught": "process.on('uncaughtException', () => {});" + _JS_END,
        "a status at exit": "process.on('exit', () => { process.reallyExit(0); });" + _JS_END,
        "assertions are nothing": "require('node:assert').deepEqual = () => {};" + _JS_END,
        "modules are its own": "const load_ = require('module')._load;\n"
        "require('module')._load = (name, ...rest) =>\n"
        "    name.endsWith('assert') ? {deepEqual() {}} : load_(name, ...rest);" + _JS_END,
        "its own require": "require = () => ({deepEqual() {}, writeSync() {}});" + _JS_END,
        "reads what is expected": "let call_ = 0;\nfunction twice(x) {\n"
        "    const text = twice.caller.toString();\n"
        "    const found = [...text.matchAll(/candidate\\(\\d+\\), *(\\d+)/g)];\n"
        "    return Number(found[call_++][1]);\n}\n",
        "the tests are a comment": "function twice(x) { return 0; }\n/*",
        "the tests are a text": "function twice(x) { return 0; }\nconst rest_ = `",
        "prints its file": "process.stdout.write(require('fs').readFileSync(__filename));"
        "process.exit(0);" + _JS_END,
        "prints the last word of its file": _JS_LAST_WORD + _JS_END,
    },
    "ts": {
        "leaves at once": _TS_NODE + "process.exit(0);" + _TS_END,
        "assertions are nothing": "declare function require(name: string): any;\n"
        "require('node:assert').deepEqual = () => {};" + _TS_END,
        "errors are caught": _TS_NODE + "process.on('uncaughtException', () => {});" + _TS_END,
    },
    "php": {
        "leaves at once": "<?php\nexit(0);" + _PHP_END,
        "leaves in the call": "<?php\nfunction twice($x) { exit(0); }\n",
        "leaves at the end": "<?php\nregister_shutdown_function(function () { exit(0); });"
        + _PHP_END,
        "a handler for exceptions": "<?php\nset_exception_handler(function () { exit(0); });"
        + _PHP_END,
        "the tests are text": "<?php" + _PHP_END + "?>\n",
        "the tests are text, filtered": "<?php\nob_start(fn($text) => preg_replace("
        "'/.*throw.*/', '', $text));" + _PHP_END + "?>\n",
        "the tests are not compiled": "<?php" + _PHP_END + "__halt_compiler();",
        "the tests are a comment": "<?php" + _PHP_END + "/*",
        "the tests are a long text": "<?php" + _PHP_END + "echo <<<'REST'\n",
        "prints its file": "<?php\nreadfile(__FILE__); exit(0);" + _PHP_END,
        "reads what is expected": "<?php\nfunction twice($x) {\n"
        "    foreach (debug_backtrace() as $frame) {\n"
        "        $line = file(__FILE__)[$frame['line'] - 1];\n"
        "        if (preg_match('/!== (\\d+)/', $line, $found)) { return (int) $found[1]; }\n"
        "    }\n    return 0;\n}\n",
    },
    "sh": {
        "leaves at once": "#!/bin/bash\nexit 0" + _SH_END,
        "a trap at the end": "#!/bin/bash\ntrap 'exit 0' EXIT" + _SH_END,
        "a trap for errors": "#!/bin/bash\ntrap 'exit 0' ERR" + _SH_END,
        "errors do not end it": "#!/bin/bash\nset() { :; }" + _SH_END,
        "tests are another word": "#!/bin/bash\nshopt -s expand_aliases\nalias '[['='true [['"
        + _SH_END,
        "a parse error in a test": "#!/bin/bash\ntwice() {\n"
        "    if [[ $1 == (a ]]; then echo 0; fi\n",
        "the tests are a document": "#!/bin/bash\ntwice() {\n    echo 0\n}\ncat <<'REST'\n",
        "the tests are a text": "#!/bin/bash\ntwice() {\n    echo 0\n}\nexit 0\n'",
        "prints its file": '#!/bin/bash\ncat "$0"\nexit 0' + _SH_END,
        "reads what is expected": "#!/bin/bash\ntwice() {\n    local line\n"
        '    for line in "${BASH_LINENO[@]}"; do\n'
        '        sed -n "${line}p" "$0" | grep -o \'= "[^"]*"\' | tr -dc 0-9 && break\n    done\n',
        "its own candidate": "#!/bin/bash\ncandidate() { echo 4; }\nreadonly -f candidate"
        + _SH_END,
        "echo is its own": "#!/bin/bash\necho() { builtin echo; }" + _SH_END,
    },
}

# Right programs that do what few do.
ODD: dict[str, dict[str, str]] = {
    "cpp": {
        "prints": CPP + "long twice(long x) {\n    std::cout << 1; std::cerr << 2; return 2 * x;\n",
        "threads": CPP
        + "long twice(long x) {\n    long y = 0; std::thread t([&] { y = 2 * x; }); t.join();"
        + " return y;\n",
        "a finalizer prints": CPP
        + 'struct Last { ~Last() { puts("end"); } } last;\n'
        + "long twice(long x) {\n    return 2 * x;\n",
        "reads its input": CPP
        + "long twice(long x) {\n    std::string s; std::cin >> s; return 2 * x;\n",
        "writes files": CPP
        + 'long twice(long x) {\n    std::ofstream("/tmp/a") << x; return 2 * x;\n',
        "names for types": CPP
        + "#define ll long long\nlong twice(long x) {\n    return (ll)2 * x;\n",
    },
    "java": {
        "prints": JAVA
        + "    public static long twice(long x) {\n        System.out.print(1); return 2 * x;\n",
        "threads": JAVA
        + "    public static long twice(long x) {\n        long[] y = {0};\n"
        + "        var t = new Thread(() -> { y[0] = 2 * x; }); t.start();\n"
        + "        try { t.join(); } catch (InterruptedException e) {}\n        return y[0];\n",
        "streams in parallel": JAVA
        + "    public static long twice(long x) {\n"
        + "        return java.util.stream.LongStream.of(x, x).parallel().sum();\n",
    },
    "cs": {
        "prints": CS
        + "    public static long Twice(long x) {\n        Console.Write(1); return 2 * x;\n",
        "tasks": CS
        + "    public static long Twice(long x) {\n"
        + "        return System.Threading.Tasks.Task.Run(() => 2 * x).Result;\n",
    },
    "js": {
        "timers": "setTimeout(() => {}, 10);\nfunction twice(x) { return 2 * x; }\n",
        "classes and generators": "class A { *all(x) { yield 2 * x; } }\n"
        "function twice(x) { return [...new A().all(x)][0]; }\n",
        "strict": "'use strict';\nfunction twice(x) { return 2 * x; }\n",
    },
    "php": {
        "prints": "<?php\nfunction twice($x) { echo 'x'; return 2 * $x; }\n",
        "a buffer": "<?php\nob_start();\nfunction twice($x) { return 2 * $x; }\n",
        "strict": "<?php\ndeclare(strict_types=1);\nfunction twice($x) { return 2 * $x; }\n",
    },
    "sh": {
        "prints to stderr": "#!/bin/bash\ntwice() {\n    echo x >&2\n    echo $((2 * $1))\n",
        "pipes": "#!/bin/bash\ntwice() {\n    seq 1 \"$1\" | wc -l | awk '{print 2 * $1}'\n",
        "unset variables end it": "#!/bin/bash\nset -u\ntwice() {\n    echo $((2 * $1))\n",
    },
    "ts": {},
}

_LONG = "x" * 5_000_000
# What takes more than it may have, of the program's run or of its compiler's.
BOMBS: dict[str, dict[str, str]] = {
    "cpp": {
        "includes without an end": "#include </dev/zero>\n" + CPP + _CPP_END,
        "templates without an end": CPP
        + "template <int N> struct T { T<N + 1> a; T<N + 2> b; };\nT<0> t;"
        + _CPP_END,
        "macros that double": CPP
        + "#define A(x) x x\n#define B(x) A(A(A(A(x))))\n#define C(x) B(B(B(x)))\n"
        + "int y = 0; void f() { C(C(y++;)) }"
        + _CPP_END,
        "a large array": CPP + "char big[1 << 30] = {1};" + _CPP_END,
        "memory": CPP
        + "long twice(long x) {\n    for (;;) memset(new char[1 << 24], 1, 1 << 24);\n",
    },
    "java": {
        "does not compile": JAVA + "    public static long twice(long x) {\n        retur 2 * x;\n",
        "memory": JAVA
        + "    public static long twice(long x) {\n        var all = new ArrayList<byte[]>();\n"
        + "        while (true) all.add(new byte[1 << 24]);\n    }\n    static { if (false) {\n",
        "threads without an end": JAVA
        + "    public static long twice(long x) {\n        while (true) new Thread(() -> {\n"
        + "            try { Thread.sleep(100000); } catch (InterruptedException e) {}\n"
        + "        }).start();\n"
        + "    }\n    static { if (false) {\n",
    },
    "cs": {"does not compile": CS + "    public static long Twice(long x) {\n        retur x;\n"},
    "js": {
        "memory": "const all = [];\nwhile (true) all.push(Buffer.alloc(1 << 26, 1));" + _JS_END,
        "processes": "for (;;) require('child_process').spawn('sleep', ['100']);" + _JS_END,
        "a text of 5 MB and a syntax error": f"// {_LONG}\n"
        "function twice(x) {{ return 2 * x; }\n",
        "a NUL": "function twice(x) { return 2 * x; \0 }\n",
    },
    "ts": {},
    "php": {"memory": "<?php\n$all = [];\nwhile (true) { $all[] = str_repeat('x', 1 << 24); }"},
    "sh": {
        "a fork bomb": "#!/bin/bash\nb() { b | b & }; b; b; wait" + _SH_END,
        "output without an end": "#!/bin/bash\nyes" + _SH_END,
        "a NUL": "#!/bin/bash\ntwice() {\n    echo $((3 \0 * $1))\n",
    },
}
