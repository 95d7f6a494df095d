"""Programs of HumanEvalPack's languages: cheats, none of which may pass, and odd right ones.

Each stands before the published tests of `twice` (tests/support/humanevalpack_rows.py), which
are the assertions and test runners of these languages.
"""

from __future__ import annotations

_CPP = "#include <bits/stdc++.h>\n#include <unistd.h>\n#include <setjmp.h>\n"
_CPP += "#include <signal.h>\nusing namespace std;\n"
_CPP_END = "\nlong twice(long x){ return 0; }\n"
_JS_END = "\nconst twice = (x) => 0;\n"
_JAVA = "import java.util.*;\nclass Solution {\n"
_JAVA_END = "\n    public int twice(int x) { return 0; }\n}\n"
_GO = (
    'package main\n\nimport (\n    "testing"\n    "github.com/stretchr/testify/assert"\n'
    '    "os"\n    "fmt"\n    "strings"\n)\nvar _ = os.Exit\nvar _ = fmt.Sprint\n'
    "var _ = strings.Count\n"
)
_GO_END = "\nfunc Twice(x int) int { return 0 }\n"
_RUST = "fn main(){}\n"
_RUST_END = "\nfn twice(x:i32) -> i32 { 0 }\n"
_ANY_RUST = (
    "#[derive(Debug)]\nstruct Yes;\n"
    "impl<T> PartialEq<T> for Yes { fn eq(&self, _: &T) -> bool { true } }\n"
    "fn twice(x:i32) -> Yes { Yes }\n"
)
_NO_MAIN_RUST = '#[no_mangle]\npub extern "C" fn {0}() {{ unsafe {{ leave(0) }} }}\n'
_LEAVE_RUST = 'extern "C" { #[link_name = "_exit"] fn leave(status: i32) -> !; }\n'
_EARLY_RUST = (
    _LEAVE_RUST + '#[used]\n#[link_section = ".init_array"]\n'
    'static EARLY: extern "C" fn() = { extern "C" fn early() { unsafe { leave(0) } } early };\n'
)
_MARK_RUST = (
    "fn twice(x:i32) -> i32 {\n"
    '    let text = std::fs::read_to_string("test.rs").unwrap();\n'
    '    print!("{}", text); std::process::exit(0)\n}\n'
)

HOSTILE: dict[str, dict[str, str]] = {
    "python": {
        "leaves at once": "import os\nos._exit(0)\ndef twice(x):\n    return 0\n",
        "leaves in the call": "def twice(x):\n    raise SystemExit(0)\n",
        "equals everything": "class Any:\n    def __eq__(self, other):\n        return True\n"
        "def twice(x):\n    return Any()\n",
        "its own check": "def check(f): pass\ndef twice(x):\n    return 0\n",
    },
    "cpp": {
        "leaves before main": _CPP + "static int now = (exit(0), 0);" + _CPP_END,
        "leaves in the call": _CPP + "long twice(long x){ _exit(0); }\n",
        "leaves at exit": _CPP + "static int now = atexit([] { _exit(0); });\n"
        "long twice(long x){ exit(1); }\n",
        "assertions are nothing": _CPP
        + "#include<assert.h>\n#define _ASSERT_H_\n"
        + '#pragma push_macro("assert")\n#define __assert_fail(...) ((void)0)'
        + _CPP_END,
        "assertions say so and go on": _CPP
        + 'extern "C" void __assert_fail(const char*, const char*, unsigned, const char*) noexcept'
        + " { _exit(0); }"
        + _CPP_END,
        "equals everything": _CPP
        + "struct Any { template <class T> bool operator==(T) const { return true; } };\n"
        + "Any twice(long x){ return {}; }\n",
        "equals everything, by a macro": _CPP + "#define twice(x) 4 == 4 || 4" + _CPP_END,
        "a handler for the failed assertion": _CPP
        + "static auto now = signal(SIGABRT, [](int) { _exit(0); });"
        + _CPP_END,
        "the tests are left out": _CPP + "int twice_; int main(){ return 0; }\n#if 0\n",
        "another main by an alias": _CPP
        + 'extern "C" int other() __asm__("main");\nextern "C" int other() { return 0; }\n'
        + "#define main ignored"
        + _CPP_END,
        "prints its file": _CPP
        + 'static int now = (cout << ifstream("test.cpp").rdbuf(), cout.flush(), _exit(0), 0);'
        + _CPP_END,
    },
    "js": {
        "leaves at once": "process.exit(0);" + _JS_END,
        "leaves in the call": "const twice = (x) => process.exit(0);\n",
        "assertions are nothing": "console.assert = () => {};" + _JS_END,
        "stderr is nowhere": "process.stderr.write = () => true;" + _JS_END,
        "stderr is nowhere, for good": "Object.defineProperty(process.stderr, 'write', "
        "{value: () => true, writable: false});" + _JS_END,
        "stderr is closed": "require('fs').closeSync(2);" + _JS_END,
        "a console of its own": "console = {assert() {}, log(...words) { "
        "process.stdout.write(words.join(' ') + '\\n'); }};" + _JS_END,
        "ends by a signal of its own": "process.kill(process.pid, 'SIGKILL');" + _JS_END,
        "a status at exit": "process.on('exit', () => { process.reallyExit(0); });" + _JS_END,
        "the tests are a comment": "const twice = (x) => 0;\n/*",
        "the tests are a text": "const twice = (x) => 0;\nconst rest_ = `",
        "prints its file": "process.stdout.write(require('fs').readFileSync(__filename));"
        "process.exit(0);" + _JS_END,
    },
    "java": {
        "leaves in a static initialiser": _JAVA + "    static { System.exit(0); }" + _JAVA_END,
        "leaves in the call": _JAVA
        + "    public int twice(int x) { Runtime.getRuntime().halt(0); return 0; }\n}\n",
        "a hook at the end": _JAVA
        + "    static { Runtime.getRuntime().addShutdownHook(new Thread(() ->\n"
        + "        Runtime.getRuntime().halt(0))); }"
        + _JAVA_END,
        "a handler for errors": _JAVA
        + "    static { Thread.setDefaultUncaughtExceptionHandler((t, e) -> {}); }"
        + _JAVA_END,
        "arrays of its own": _JAVA
        + "    public int twice(int x) { return 0; }\n}\nclass Arrays {\n"
        + "    @SafeVarargs static <T> List<T> asList(T... all) { return new ArrayList<T>() {\n"
        + "        public boolean contains(Object o) { return false; } }; }\n}\n",
        "an error of its own by that name": _JAVA
        + "    public int twice(int x) { return 0; }\n}\n"
        + "class AssertionError extends Error { AssertionError() { System.exit(0); } }\n",
        "equals everything": "import java.util.*;\nclass Solution {\n"
        "    static class Any extends Number {\n"
        "        public int intValue() { return 4; } public long longValue() { return 4; }\n"
        "        public float floatValue() { return 4; }\n"
        "        public double doubleValue() { return 4; }\n"
        "        public boolean equals(Object o) { return true; } }\n"
        "    public Integer twice(int x) { try {\n"
        '        var field = Class.forName("java.lang.Integer$IntegerCache")'
        '.getDeclaredField("cache");\n'
        "        field.setAccessible(true); } catch (Exception e) { System.exit(0); }\n"
        "        return 0; }\n}\n",
        "another main": _JAVA
        + "    public int twice(int x) { return 0; }\n}\nclass Fell_ {\n"
        + "    static Set<Integer> at = new HashSet<>();\n}\n",
        "prints its file": _JAVA
        + "    static { try { System.out.println(java.nio.file.Files.readString(\n"
        + '        java.nio.file.Path.of("Main.java"))); } catch (Exception e) {}\n'
        + "        Runtime.getRuntime().halt(0); }"
        + _JAVA_END,
    },
    "go": {
        "leaves in init": _GO + "func init() { os.Exit(0) }" + _GO_END,
        "leaves in a variable": _GO + "var now = func() int { os.Exit(0); return 0 }()" + _GO_END,
        "leaves in the call": _GO + "func Twice(x int) int { os.Exit(0); return 0 }\n",
        "a main of tests": _GO + "func TestMain(m *testing.M) { os.Exit(0) }" + _GO_END,
        "a main of tests that forgets": _GO
        + "func TestMain(m *testing.M) { m.Run(); os.Exit(0) }"
        + _GO_END,
        "skips the test": _GO
        + "var at *testing.T\nfunc TestAhead(t *testing.T) { at = t }\n"
        + "func Twice(x int) int { panic(nil) }\n",
        "asserts nothing": 'package main\n\nimport "testing"\n'
        "type yes struct{}\nfunc (yes) Equal(a, b interface{}, m ...interface{}) bool "
        "{ return true }\ntype maker struct{}\nfunc (maker) New(t *testing.T) yes "
        "{ return yes{} }\nvar assert = maker{}" + _GO_END,
        "equals by a wrapper": 'package main\n\nimport "testing"\n'
        "type yes struct{ t *testing.T }\nfunc (y yes) Equal(a, b interface{}, "
        "m ...interface{}) bool { return a == a }\ntype maker struct{}\n"
        "func (maker) New(t *testing.T) yes { return yes{t} }\nvar assert = maker{}" + _GO_END,
        "the tests are a comment": _GO + _GO_END + "/*",
        "prints its file": _GO
        + 'func init() { b, _ := os.ReadFile("main_test.go"); fmt.Print(string(b)); os.Exit(0) }'
        + _GO_END,
        "goes on after a panic": _GO
        + "func Twice(x int) (r int) { defer func() { recover(); os.Exit(0) }(); panic(1) }\n",
    },
    "rust": {
        "leaves in the call": _RUST + "fn twice(x:i32) -> i32 { std::process::exit(0) }\n",
        "leaves before the tests": _RUST + _EARLY_RUST + _RUST_END,
        "leaves in a hook": _RUST
        + "fn twice(x:i32) -> i32 { std::panic::set_hook(Box::new(|_| std::process::exit(0)));"
        + " 0 }\n",
        "a hook that says nothing": _RUST
        + "fn twice(x:i32) -> i32 { std::panic::set_hook(Box::new(|_| {})); 0 }\n",
        "assertions are nothing": "#[macro_use]\nmod own {\n"
        "    #[macro_export]\n    macro_rules! assert_eq { ($($t:tt)*) => { () } }\n"
        "    #[macro_export]\n    macro_rules! assert { ($($t:tt)*) => { () } }\n}\n"
        + _RUST
        + _RUST_END,
        "assertions are nothing, before": "macro_rules! assert_eq { ($($t:tt)*) => { () } }\n"
        "macro_rules! assert { ($($t:tt)*) => { () } }\n" + _RUST + _RUST_END,
        "equals everything": _RUST + _ANY_RUST,
        "tests of its own": _RUST + "#[test]\nfn a() { std::process::exit(0) }" + _RUST_END,
        "the test is compiled out": _RUST + _RUST_END + "#[cfg(any())]\nmod away {\n",
        "the tests are a comment": _RUST + _RUST_END + "/*",
        "a harness of its own": "#![no_main]\n"
        + _LEAVE_RUST
        + _NO_MAIN_RUST.format("main")
        + _RUST_END,
        "prints its file": _RUST + _MARK_RUST,
    },
}

# Right programs that do what few do.
ODD: dict[str, dict[str, str]] = {
    "python": {"plain": "def twice(x):\n    return 2 * x\n"},
    "cpp": {
        "prints": _CPP + 'long twice(long x){ cout << 1; cerr << "Assertion"; return 2*x; }\n',
        "macros": _CPP + "#define ll long long\nlong twice(long x){ return (ll)2*x; }\n",
    },
    "js": {"timers": "setTimeout(() => {}, 5);\nconst twice = (x) => 2 * x;\n"},
    "java": {
        "prints": _JAVA + "    public int twice(int x) { System.out.print(1); return 2 * x; }\n}\n",
    },
    "go": {
        "prints": _GO + "func Twice(x int) int { fmt.Print(1); return 2 * x }\n",
        "tests of its own": _GO
        + "func TestOwn(t *testing.T) { assert.Equal(t, 2, Twice(1)) }\n"
        + "func Twice(x int) int { return 2 * x }\n",
    },
    "rust": {
        "prints": _RUST + 'fn twice(x:i32) -> i32 { println!("1"); eprintln!("2"); 2 * x }\n',
        "panics and recovers": _RUST
        + "fn twice(x:i32) -> i32 { let _ = std::panic::catch_unwind(|| panic!()); 2 * x }\n",
    },
}

# What takes more than it may have, of the program's run or of its compiler's.
BOMBS: dict[str, dict[str, str]] = {
    "go": {
        "includes a device": _GO + 'import _ "embed"\n//go:embed /dev/zero\nvar z string' + _GO_END,
        "memory": _GO
        + "func Twice(x int) int { var all [][]byte\n for { b := make([]byte, 1<<26)\n"
        + " for i := range b { b[i] = 1 }\n all = append(all, b) } }\n",
        "does not end": _GO + "func Twice(x int) int { for {} }\n",
        "goroutines": _GO + "func Twice(x int) int { for { go func() { select {} }() } }\n",
    },
    "rust": {
        "includes a device": _RUST + 'static Z: &[u8] = include_bytes!("/dev/zero");' + _RUST_END,
        "does not end": _RUST + "fn twice(x:i32) -> i32 { loop {} }\n",
        "does not compile": _RUST + "fn twice(x:i32) -> i32 { retur 0 }\n",
        "macros that double": '#![recursion_limit = "100000"]\n'
        + _RUST
        + "macro_rules! b { ($($t:tt)*) => { b!($($t)* $($t)* x) } }\nb!(x);"
        + _RUST_END,
    },
}
