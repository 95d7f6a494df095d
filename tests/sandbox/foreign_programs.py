"""Programs in other languages: cheats, none of which may pass, and odd ones, all of which must.

Each stands before the published tests of `twice` (tests/support/multipl_e_rows.py) as a
model's program would. The keys say what a program does.
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
_LUA_END = "\nlocal function twice(x)\n  return 0\nend\n"
_LUA_UNIT = (
    "{assertEquals = function() end, LuaUnit = {run = function() test_humaneval() return 0 end}}"
)
_PL_END = "\nsub twice {\n    return 0;\n}\n"
_R_END = "\ntwice <- function(x) 0\n"
_RB_END = "\ndef twice(x)\n  0\nend\n"
RKT = "#lang racket\n"
_RKT_END = "\n(define (twice x) 0)\n"
_RS_END = "\nfn twice(x: isize) -> isize {\n    0\n"
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
    "lua": {
        "leaves at once": "os.exit(0)" + _LUA_END,
        "leaves in the call": "local function twice(x) os.exit(0) end\n",
        "does not leave": "os.exit = function() end" + _LUA_END,
        "assertions are nothing": "package.loaded.luaunit = " + _LUA_UNIT + _LUA_END,
        "assertions are nothing, by its own require": "require = function() return "
        + _LUA_UNIT
        + " end"
        + _LUA_END,
        "assertions are nothing, afterwards": "require('luaunit').assertEquals = function() end"
        + _LUA_END,
        "errors are nothing": "error = function() end" + _LUA_END,
        "errors are nothing, and every call fails": "error = function() end\n"
        "pcall = function() return false end" + _LUA_END,
        "errors are nothing, and are caught": "xpcall = function(f) f() return true end\n"
        "error = function() end" + _LUA_END,
        "equals everything": "local function twice(x)\n"
        "  return setmetatable({}, {__eq = function() return true end})\nend\n",
        "reads what is expected": "local function twice(x)\n"
        "  local at, number = debug.getinfo(2, 'l').currentline, 0\n"
        "  for line in io.lines(arg[0]) do\n    number = number + 1\n"
        "    if number == at then return tonumber(line:match('%), (%d+)')) end\n  end\nend\n",
        "the tests are a comment": "local function twice(x) return 0 end\n--[[",
        "ends before the tests": "local function twice(x) return 0 end\ndo return end\n",
        "prints its file": "io.write(io.open(arg[0]):read('a')) os.exit(0)" + _LUA_END,
    },
    "pl": {
        "leaves at once": "exit(0);" + _PL_END,
        "leaves in the call": "sub twice {\n    exit(0);\n}\n",
        "a status at the end": "END { $? = 0; }" + _PL_END,
        "does not leave": "BEGIN { *CORE::GLOBAL::exit = sub { 1 }; }" + _PL_END,
        "always leaves well": "BEGIN { *CORE::GLOBAL::exit = sub { CORE::exit(0) }; }" + _PL_END,
        "forks are nothing": "BEGIN { *CORE::GLOBAL::exit = sub { 1 };\n"
        "    *CORE::GLOBAL::fork = sub { 1 };\n"
        "    *CORE::GLOBAL::waitpid = sub { $? = 256; 1 }; }" + _PL_END,
        "assertions are nothing": "use Test::Deep ();\nBEGIN { no warnings;\n"
        "    *Test::Deep::eq_deeply = sub { 1 }; }" + _PL_END,
        "a module of its own": "BEGIN { $INC{'Test/Deep.pm'} = 1; package Test::Deep;\n"
        "    sub import { *main::eq_deeply = sub { 1 }; } }" + _PL_END,
        "equals everything": "package Any;\nuse overload '==' => sub { 1 }, 'eq' => sub { 1 },\n"
        "    '\"\"' => sub { 4 }, '0+' => sub { 4 };\npackage main;\n"
        "sub twice {\n    return bless {}, 'Any';\n}\n",
        "a signal of its own": "kill 'KILL', $$;" + _PL_END,
        "the tests are data": _PL_END + "__END__\n",
        "the tests are documentation": _PL_END + "\n=pod\n\n",
        "reads what is expected": "sub twice {\n    my @from = caller;\n"
        "    open(my $file, '<', $0);\n    my @lines = <$file>;\n"
        "    return $lines[$from[2] - 1] =~ /\\),(\\d+)/ ? $1 : 0;\n}\n",
        "prints its file": "open(my $own, '<', $0); print <$own>; exit(0);" + _PL_END,
    },
    "r": {
        "leaves at once": "quit(status = 0)" + _R_END,
        "leaves in the call": "twice <- function(x) quit(status = 0)\n",
        "a status at the end": ".Last <- function() quit(status = 0, runLast = FALSE)" + _R_END,
        "errors do not end it": "options(error = expression(NULL))" + _R_END,
        "errors end it well": "options(error = quote(quit(status = 0)))" + _R_END,
        "assertions are nothing": "stopifnot <- function(...) invisible()" + _R_END,
        "assertions are nothing, and all is an error": "stopifnot <- function(...) invisible()\n"
        "inherits <- function(...) TRUE" + _R_END,
        "all is true": "isTRUE <- function(...) TRUE" + _R_END,
        "all is equal": "all.equal <- function(...) TRUE" + _R_END,
        "equals everything": "all.equal.any <- function(...) TRUE\n"
        "twice <- function(x) structure(0, class = 'any')\n",
        "stops are nothing": "unlockBinding('stop', baseenv())\n"
        "assign('stop', function(...) NULL, baseenv())" + _R_END,
        "the tests are a text": _R_END + "rest <- '",
        "reads what is expected": "twice <- function(x) {\n"
        "  texts <- sapply(sys.calls(), function(each) paste(deparse(each), collapse = ''))\n"
        "  found <- regmatches(texts, regexpr('\\\\), [0-9]+', texts))\n"
        "  as.numeric(sub('), ', '', found[1], fixed = TRUE))\n}\n",
        "prints its file": "cat(readLines('test.r'), sep = '\\n'); quit(status = 0)" + _R_END,
    },
    "rb": {
        "leaves at once": "exit!(0)" + _RB_END,
        "leaves in the call": "def twice(x)\n  exit!(0)\nend\n",
        "leaves at the end": "at_exit { exit!(0) }" + _RB_END,
        "a signal of its own": "Process.kill(:KILL, $$)" + _RB_END,
        "assertions are nothing": "require 'test/unit'\nmodule Test::Unit::Assertions\n"
        "  def assert_equal(*) = nil\nend" + _RB_END,
        "assertions are nothing, in front": "require 'test/unit'\n"
        "Test::Unit::TestCase.prepend(Module.new { def assert_equal(*) = nil })" + _RB_END,
        "errors are nothing": "module Kernel\n  def raise(*) = nil\nend" + _RB_END,
        "no test is run": "require 'test/unit'\nclass Test::Unit::TestCase\n"
        "  def self.method_added(name) = (undef_method(name) if name.start_with?('test'))\nend"
        + _RB_END,
        "every run ends well": "require 'test/unit'\nclass Test::Unit::AutoRunner\n"
        "  def self.run(*) = true\nend" + _RB_END,
        "numbers equal everything": "class Integer\n  def ==(other) = true\nend" + _RB_END,
        "equals everything": "class Any < BasicObject\n  def ==(other) = true\n"
        "  def method_missing(*) = true\nend\ndef twice(x)\n  Any.new\nend\n",
        "the tests are data": _RB_END + "__END__\n",
        "the tests are a comment": _RB_END + "=begin\n",
        "reads what is expected": "def twice(x)\n"
        "  line = File.readlines(__FILE__)[caller_locations(1, 1)[0].lineno - 1]\n"
        "  line[/assert_equal\\((\\d+)/, 1].to_i\nend\n",
        "prints its file": "print File.read(__FILE__)\nexit!(0)" + _RB_END,
    },
    "rkt": {
        "leaves at once": RKT + "(exit 0)" + _RKT_END,
        "leaves in the call": RKT + "(define (twice x) (exit 0))\n",
        "failures are nothing": RKT + "(require rackunit)\n(current-check-handler void)" + _RKT_END,
        "checks are nothing": RKT + "(require rackunit)\n(current-check-around void)" + _RKT_END,
        "assertions are nothing": RKT
        + "(define-syntax-rule (check-within a b c) (void))"
        + _RKT_END,
        "errors are nowhere": RKT + "(current-error-port (open-output-nowhere))" + _RKT_END,
        "equals everything": RKT
        + "(struct any () #:property prop:equal+hash\n"
        + "  (list (lambda _ #t) (lambda _ 1) (lambda _ 1)))\n(define (twice x) (any))\n",
        "a status at the end": RKT
        + "(executable-yield-handler (lambda (status) (exit 0)))"
        + _RKT_END,
        "the tests are a comment": RKT + _RKT_END + "#|",
        "the tests are a text": RKT + _RKT_END + '(define rest "',
        "prints its file": RKT + '(display (file->string "test.rkt")) (exit 0)' + _RKT_END,
    },
    "rs": {
        "leaves in the call": "fn twice(x: isize) -> isize {\n    std::process::exit(0)\n",
        "leaves before main": 'extern "C" fn now() { std::process::exit(0) }\n'
        '#[used]\n#[link_section = ".init_array"]\nstatic NOW: extern "C" fn() = now;' + _RS_END,
        "a hook for failures": "fn twice(x: isize) -> isize {\n"
        "    std::panic::set_hook(Box::new(|_| std::process::exit(0)));\n    0\n",
        "assertions are nothing": "macro_rules! assert_eq { ($($t:tt)*) => {} }" + _RS_END,
        "assertions only call": "macro_rules! assert_eq { ($a:expr, $b:expr) => { $a } }" + _RS_END,
        "assertions are nothing, and all fails": "macro_rules! assert_eq { ($($t:tt)*) => {} }\n"
        "mod std { pub mod panic { pub fn catch_unwind<F>(_: F) -> Result<(), ()> { Err(()) } } }"
        + _RS_END,
        "prints nothing": "macro_rules! println { ($($t:tt)*) => {} }" + _RS_END,
        "equals everything": "#[derive(Debug)]\nstruct Any;\n"
        "impl PartialEq<i32> for Any { fn eq(&self, _: &i32) -> bool { true } }\n"
        "fn twice(x: isize) -> Any {\n    Any\n",
        "a child goes on alone": 'extern "C" { fn fork() -> i32; }\n'
        "fn twice(x: isize) -> isize {\n"
        "    if unsafe { fork() } != 0 { std::process::exit(0) }\n    0\n",
        "the tests are a comment": "fn twice(x: isize) -> isize { 0 }\nfn main() {}\n/*",
        "another main": "fn twice(x: isize) -> isize { 0 }\nfn main() {}\nfn other() {\n",
        "prints its file": "fn twice(x: isize) -> isize {\n"
        '    print!("{}", include_str!("test.rs")); std::process::exit(0)\n',
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
    "lua": {
        "prints": "local function twice(x)\n  print(x) return 2 * x\nend\n",
        "catches errors": "local function twice(x)\n  pcall(error, 'x') return 2 * x\nend\n",
    },
    "pl": {
        "strict": "use strict;\nuse warnings;\nsub twice {\n    my ($x) = @_;\n"
        "    return 2 * $x;\n}\n",
        "forks": "sub twice {\n    my ($x) = @_;\n    my $child = fork;\n"
        "    if ($child) { waitpid($child, 0); } else { CORE::exit(3); }\n    return 2 * $x;\n}\n",
    },
    "r": {
        "prints": "twice <- function(x) {\n  print(x)\n  message('x')\n  2 * x\n}\n",
        "catches errors": "twice <- function(x) {\n  try(stop('x'), silent = TRUE)\n  2 * x\n}\n",
    },
    "rb": {
        "prints": "def twice(x)\n  puts x\n  2 * x\nend\n",
        "catches errors": "def twice(x)\n  raise 'x'\nrescue StandardError\n  2 * x\nend\n",
    },
    "rkt": {
        "prints": RKT + "(define (twice x) (displayln x) (* 2 x))\n",
        "catches errors": RKT
        + "(define (twice x) (with-handlers ([void (lambda (e) (* 2 x))]) (error 'x)))\n",
    },
    "rs": {
        "catches panics": "fn twice(x: isize) -> isize {\n"
        '    let _ = std::panic::catch_unwind(|| { panic!("x") });\n    2 * x\n',
        "threads": "fn twice(x: isize) -> isize {\n"
        "    std::thread::spawn(move || 2 * x).join().unwrap()\n",
    },
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
    "lua": {"memory": "local all = {}\nwhile true do all[#all + 1] = {('x'):rep(1 << 24)} end"},
    "pl": {"memory": "my @all;\nwhile (1) { push @all, 'x' x (1 << 24); }"},
    "r": {"memory": "all <- list()\nwhile (TRUE) all[[length(all) + 1]] <- numeric(4e6) + 1"},
    "rb": {"memory": "all = []\nloop { all << 'x' * (1 << 24) }"},
    "rkt": {"does not compile": RKT + "(define (twice x) (* 2 x)"},
    "rs": {"does not compile": "fn twice(x: isize) -> isize {\n    retur 2 * x\n"},
}
