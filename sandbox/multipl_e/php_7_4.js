#!/usr/bin/env -S node --wasm-lazy-compilation --wasm-lazy-validation
// PHP 7.4, the publishers' version, as a command: its build for WebAssembly in @php-wasm/node-7-4.
// Takes the arguments of PHP's command line. It sees the working folder's files and nothing else.
// Most of PHP is never called by a program, so V8 compiles what is, which halves the start.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const BUILD = "asyncify/php_7_4.js"; // the package's other build wants a newer Node
const HOMES = ["/usr/local/lib/node_modules", "/usr/lib/node_modules"];

function written(descriptor) {
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) at += fs.writeSync(descriptor, chunk, at);
  };
}

async function started() {
  const places = HOMES.map((home) => path.join(home, "@php-wasm/node-7-4", BUILD));
  const found = places.find(fs.existsSync);
  if (!found) throw new Error(`npm's package @php-wasm/node-7-4 is not in ${HOMES.join(" or ")}`);
  const { init } = await import(found);
  return new Promise((ready, failed) => {
    const runtime = {
      ENV: { ...process.env },
      locateFile: (place) => place,
      noInitialRun: true,
      onAbort: failed,
      onHeaders: () => {},
      onStdout: written(1),
      onStderr: written(2),
      onRuntimeInitialized: () => ready(runtime),
    };
    init("NODE", runtime);
  });
}

async function main() {
  const php = await started();
  const here = process.cwd();
  php.FS.mkdirTree(here);
  php.FS.mount(php.FS.filesystems.NODEFS, { root: here }, here);
  php.FS.chdir(here);
  for (const each of ["php", ...process.argv.slice(2)]) {
    php.ccall("wasm_add_cli_arg", null, ["string"], [each]);
  }
  try {
    return await php.ccall("run_cli", "number", [], [], { async: true });
  } catch (ended) {
    if (typeof ended?.status === "number") return ended.status; // the program called exit
    throw ended;
  }
}

main().then(
  (status) => process.exit(status),
  (error) => {
    written(2)(Buffer.from(`php: ${error.message}\n`));
    process.exit(255);
  },
);
