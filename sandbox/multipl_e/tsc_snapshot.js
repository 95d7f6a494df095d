// Builds a start-up snapshot of the TypeScript compiler that has read the library's declarations:
//   node --snapshot-blob FILE --build-snapshot tsc_snapshot.js TSC_JS OPTION...
// `node --snapshot-blob FILE tsc OPTION... PROGRAM.ts` then does what `tsc OPTION... PROGRAM.ts`
// does. It does not check the library's own declarations again, unless the program declares
// something that could change them: that there is nothing wrong with them was seen here.
"use strict";

const fs = require("fs");
const path = require("path");
const { startupSnapshot } = require("v8");

const [tsc, ...options] = process.argv.slice(2);
const ROOT = "nothing.ts";

// What follows is put in place of the compiler's last statements, and sees its functions.
function keepLibrary(ours) {
  const kept = new Map();
  const create = createSourceFile, skip = skipTypeChecking;
  const plain = (name, value) => (typeof value === "function" ? undefined : value);
  let making = true;
  // Whether this call has the options with which the library was read.
  const isUsual = () => {
    const given = process.argv.slice(2);
    return given.length === ours.options.length + 1 && ours.options.every((each, i) => each === given[i]);
  };
  createSourceFile = function (name, text, ...more) {
    if (!name.startsWith(ours.library)) return create(name, text, ...more);
    const key = JSON.stringify([name, ...more], plain);
    const found = kept.get(key);
    if (!making) return (isUsual() && found && found.text === text && found) || create(name, text, ...more);
    const file = create(name, text, ...more);
    kept.set(key, file);
    return file;
  };
  const isKept = (file) => [...kept.values()].includes(file);
  // Whether a file leaves the library as it is: it has no declaration that is merged with one there.
  const isApart = (file, names) =>
    !file.moduleAugmentations.length &&
    !(file.ambientModuleNames || []).length &&
    (file.externalModuleIndicator || (file.locals && ![...file.locals.keys()].some((each) => names.has(each))));
  const known = new WeakMap();
  const mayTrust = (program) => {
    if (!known.has(program)) {
      const files = program.getSourceFiles();
      const library = files.filter(isKept);
      const names = new Set(library.flatMap((file) => [...file.locals.keys()]));
      const others = files.filter((file) => !library.includes(file));
      const whole = library.length === kept.size && others.length === 1;
      known.set(program, whole && isApart(others[0], names));
    }
    return known.get(program);
  };
  skipTypeChecking = function (file, options, host) {
    return skip(file, options, host) || (!making && isKept(file) && mayTrust(host));
  };
  const { options, fileNames, errors } = parseCommandLine([...ours.options, ours.root], (name) => sys.readFile(name));
  const host = createCompilerHostWorker(options, undefined, sys);
  host.jsDocParsingMode = defaultJSDocParsingMode;
  const program = createProgram({ rootNames: fileNames, options, host });
  const found = [...errors, ...program.getSyntacticDiagnostics(), ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(), ...program.getSemanticDiagnostics()];
  if (found.length || !kept.size || program.getSourceFiles().length !== kept.size + 1) {
    throw new Error("the library's declarations are not as they were expected");
  }
  making = false;
  ours.startupSnapshot.setDeserializeMainFunction(() => {
    sys.args = process.argv.slice(2);
    if (sys.setBlocking) sys.setBlocking();
    executeCommandLine(sys, noop, sys.args);
  });
}

const LAST = "executeCommandLine(sys, noop, sys.args);";
const BEFORE = "if (sys.setBlocking) {";
const text = fs.readFileSync(tsc, "utf8");
const end = text.lastIndexOf(BEFORE);
if (end < 0 || !text.slice(end).includes(LAST)) {
  throw new Error(`${tsc} is not of a version that this is for`);
}
const library = path.dirname(tsc);
fs.writeFileSync(ROOT, "");
const source = `${text.slice(0, end)}\n(${keepLibrary})(ours_);`;
new Function("require", "module", "__filename", "__dirname", "ours_", source)(
  require, { exports: {} }, tsc, library, { library: `${library}/`, options, root: ROOT, startupSnapshot });
fs.unlinkSync(ROOT);
