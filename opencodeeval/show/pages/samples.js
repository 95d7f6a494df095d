// Samples of a run: what the pages that show programs have in common.
// All that a model wrote becomes a text node: nothing here makes elements out of text.
const samples = (function () {
  function make(name, attributes, ...parts) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    for (const part of parts) if (part !== null && part !== "") element.append(part);
    return element;
  }
  function dot(verdict) {
    const element = make("i", { class: "dot", "aria-hidden": "true" });
    element.style.background = `var(--${verdict})`;
    return element;
  }
  function program(code, runs) {
    const pre = make("pre", { class: "program", tabindex: "0", "aria-label": "Program" });
    let line = make("span", { class: "line" });
    pre.append(line);
    let from = 0;
    const pieces = runs.match(/[a-z]\d+/g) || [`x${code.length}`];
    for (const piece of pieces) {
      const length = Number(piece.slice(1));
      code.slice(from, from + length).split("\n").forEach(function (text, number) {
        if (number > 0) {
          line.append("\n");
          line = make("span", { class: "line" });
          pre.append(line);
        }
        if (text) line.append(piece[0] === "x" ? text : make("span", { class: `t-${piece[0]}` }, text));
      });
      from += length;
    }
    if (code.endsWith("\n")) line.remove();
    return pre;
  }
  function block(title, text) {
    return make("div", { class: "block" }, make("h3", {}, title),
      make("pre", { class: "wrap", tabindex: "0", "aria-label": title }, text));
  }
  function folded(title, text) {
    return make("details", { class: "block" }, make("summary", {}, title),
      make("pre", { class: "wrap", tabindex: "0", "aria-label": title }, text));
  }
  function suites(found) {
    const body = make("tbody");
    for (const [name, suite] of Object.entries(found.suites)) {
      const mark = make("td", { class: "verdict" }, suite.verdict);
      mark.style.color = `var(--${suite.verdict})`;
      mark.prepend(dot(suite.verdict));
      body.append(make("tr", {}, make("th", { scope: "row" }, name), mark,
        make("td", { class: "tests" }, suite.tests),
        make("td", { class: "wall" }, `${suite.wall_s.toFixed(2)} s, ${suite.cpu_s.toFixed(2)} s of processor`),
        make("td", { class: "detail" }, suite.detail)));
    }
    const heads = ["Suite", "Verdict", "Tests run", "Time", "Detail"].map(function (title) {
      return make("th", { scope: "col", class: title === "Time" ? "wall" : "" }, title);
    });
    return make("table", { class: "suites" }, make("thead", {}, make("tr", {}, ...heads)), body);
  }
  function failures(found) {
    const parts = [];
    const seen = new Set();
    for (const [name, suite] of Object.entries(found.suites)) {
      const failure = suite.failure;
      if (!failure || seen.has(JSON.stringify(failure))) continue;
      seen.add(JSON.stringify(failure));
      const trio = make("div", { class: "trio" });
      for (const [key, title] of [["input", "Failing input"], ["expected", "Expected"], ["got", "Got"]]) {
        if (failure[key] !== undefined) trio.append(block(title, failure[key]));
      }
      const where = failure.index === undefined ? name : `${name}, test ${Number(failure.index) + 1}`;
      parts.push(make("section", { "aria-label": `What it failed on (${where})` }, make("h3", {}, where), trio));
    }
    return parts;
  }
  // All of one sample; `prompt` stands at the end where it is given.
  function detail(found, prompt) {
    const parts = [suites(found), ...failures(found)];
    if (found.code) {
      parts.push(make("div", { class: "block" }, make("h3", {}, `Program (${found.found})`), program(found.code, found.runs)));
    } else {
      const why = found.found === "none" ? "no code was found in the answer" : found.found;
      parts.push(make("p", { class: "soft" }, `Nothing to run: ${why}.`));
    }
    if (found.stderr) parts.push(block("Error output (stderr)", found.stderr));
    if (found.stdout) parts.push(block("Output (stdout)", found.stdout));
    const thinking = found.thinking ? `, ${found.thinking} of them reasoning` : "";
    const told = found.tokens ? `, ${found.tokens} tokens${thinking}` : "";
    if (found.reasoning) parts.push(folded("Reasoning, which the server sent apart", found.reasoning));
    if (found.answer !== null) parts.push(folded(`Answer as it was written (${found.finish}${told})`, found.answer));
    if (prompt) parts.push(folded("Prompt", prompt));
    if (!found.code) for (const part of parts) if (part.tagName === "DETAILS") part.open = true;
    return parts;
  }
  // Whether a text, or any text inside a value, has these small letters.
  function says(value, low) {
    if (typeof value === "string") return value.toLowerCase().includes(low);
    return value !== null && typeof value === "object" && Object.values(value).some((part) => says(part, low));
  }
  // The texts of all tasks, packed in blocks: a block is unpacked when one of its tasks is shown.
  function texts(of) {
    const KEPT = 16;
    const blocks = Array.from(document.querySelectorAll(`script[data-of="${of}"]`), (element) =>
      ({ element, first: Number(element.dataset.first), count: Number(element.dataset.count) }));
    const kept = new Map();      // block -> its lines, the last used last
    const blockOf = (place) => blocks.find((block) => place >= block.first && place < block.first + block.count);
    async function unpack(block) {
      const bytes = Uint8Array.from(atob(block.element.textContent), (char) => char.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      return (await new Response(stream).text()).split("\n");
    }
    function ready(place) {
      const block = blockOf(place);
      const lines = kept.get(block);
      if (!lines) return null;
      kept.delete(block);
      kept.set(block, lines);
      return JSON.parse(lines[place - block.first]);
    }
    async function load(place) {
      const block = blockOf(place);
      if (!kept.has(block)) kept.set(block, await unpack(block));
      if (kept.size > KEPT) kept.delete(kept.keys().next().value);
      return ready(place);
    }
    // The places of the tasks that have these small letters in a text; null if it is given up.
    async function search(low, goesOn) {
      const stored = JSON.stringify(low).slice(1, -1);
      const found = new Set();
      for (const block of blocks) {
        const lines = kept.get(block) || await unpack(block);
        if (!goesOn()) return null;
        // Lines are searched as they are stored, which is fast, and read only where that finds
        // something: it may be a name of a field.
        lines.forEach(function (line, number) {
          if (line.toLowerCase().includes(stored) && says(JSON.parse(line), low)) found.add(block.first + number);
        });
      }
      return found;
    }
    return { ready, load, search };
  }
  return { make, dot, detail, folded, texts };
})();
