// All names and texts become text nodes: nothing here makes elements out of text.
document.addEventListener("DOMContentLoaded", function () {
  const at = (id) => document.getElementById(id);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const table = at("board");
  if (!table) return;      // there are only parts of benchmarks
  const body = table.tBodies[0];
  const headings = Array.from(table.tHead.rows[0].cells);
  const rows = Array.from(body.rows);
  const columns = all("input[data-column]");
  const origins = all("input[data-origin]");
  const hiding = document.head.appendChild(document.createElement("style"));
  const FIRST = headings.findIndex((heading) => heading.dataset.c === "0");
  const lead = Math.max(0, columns.findIndex((box) => box.hasAttribute("data-lead")));
  let data = null;
  const load = () => (data = data || JSON.parse(at("data").textContent));
  const percent = (share) => (100 * share).toFixed(1);

  function make(name, attributes, ...parts) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    for (const part of parts) if (part !== null && part !== "") element.append(part);
    return element;
  }

  // Which rows and columns ---------------------------------------------------
  function filter() {
    const words = at("find").value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = new Set(origins.filter((box) => box.checked).map((box) => box.dataset.origin));
    const shown = new Set();
    for (const row of rows) {
      const name = row.cells[1].dataset.value;
      row.hidden = !((!origins.length || kept.has(row.dataset.origin)) && words.every((word) => name.includes(word)));
      if (opened(row)) row.nextElementSibling.hidden = row.hidden;
      if (!row.hidden) shown.add(row.dataset.row);
    }
    at("count").textContent = `${shown.size} of ${rows.length} models`;
    at("none").hidden = shown.size > 0;
    for (const line of all("[data-line]")) line.toggleAttribute("hidden", !shown.has(line.dataset.line));
    choose();
    if (at("bars") && at("bars").open) draw();
  }
  function choose() {
    // A column without a score in any row that is shown is folded.
    const visible = rows.filter((row) => !row.hidden);
    const rules = [];
    let used = 0, empty = 0;
    columns.forEach(function (box, place) {
      const filled = visible.some((row) => row.cells[FIRST + place].dataset.value);
      if (box.checked && filled) used += 1;
      else rules.push(`#board [data-c="${place}"]`);
      if (box.checked && !filled) empty += 1;
    });
    if (!visible.some((row) => row.cells[2].dataset.value)) rules.push("#board .size");
    hiding.textContent = rules.length ? `${rules.join(",")}{display:none}` : "";
    at("chosen").textContent = `${used} of ${columns.length}${empty ? `, ${empty} without a score folded` : ""}`;
  }
  function check(wanted) {
    for (const box of columns) box.checked = wanted(box);
    choose();
  }

  // In which order -----------------------------------------------------------
  function sort(heading) {
    const before = heading.getAttribute("aria-sort");
    const numeric = heading.dataset.sort === "number";
    const next = numeric ? { null: "descending", descending: "ascending", ascending: "" }
      : { null: "ascending", ascending: "descending", descending: "" };
    const order = next[before];
    for (const other of table.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    if (order) heading.setAttribute("aria-sort", order);
    const place = headings.indexOf(heading);
    const sign = order === "ascending" ? 1 : -1;
    const first = (a, b) => a.dataset.row - b.dataset.row;
    rows.sort(function (a, b) {
      if (!order) return first(a, b);
      const left = a.cells[place].dataset.value, right = b.cells[place].dataset.value;
      if (!numeric) return sign * left.localeCompare(right) || first(a, b);
      // What is not there stands last, whichever way the rest is sorted.
      if (!left || !right) return (left ? 0 : 1) - (right ? 0 : 1) || first(a, b);
      return sign * (left - right) || first(a, b);
    });
    for (const row of rows) {
      const more = opened(row);
      body.append(row);
      if (more) body.append(more);
    }
    rank(order && heading.dataset.c !== undefined ? place : FIRST + lead);
  }
  function rank(place) {
    const scores = rows.map((row) => row.cells[place].dataset.value).filter(Boolean).map(Number);
    scores.sort((a, b) => b - a);
    const places = new Map();
    scores.forEach(function (score, number) { if (!places.has(score)) places.set(score, number + 1); });
    for (const row of rows) {
      const value = row.cells[place].dataset.value;
      row.cells[0].textContent = value ? places.get(Number(value)) : "";
    }
    for (const heading of headings) heading.classList.toggle("by", headings.indexOf(heading) === place);
  }

  // What a row opens to ------------------------------------------------------
  const more = new Map();
  const opened = (row) => more.get(row) || null;
  function toggle(row) {
    const button = row.querySelector("button.open");
    const open = opened(row);
    button.setAttribute("aria-expanded", String(!open));
    if (open) { open.remove(); more.delete(row); return; }
    const content = load().rows[row.dataset.row];
    const line = make("tr", { class: "more" }, make("td", { colspan: headings.length }, details(content)));
    more.set(row, line);
    row.after(line);
  }
  function details(row) {
    const box = make("div", { class: "details" });
    const about = [];
    if (row.size !== null) about.push(`${row.size} billion parameters`);
    if (row.data) about.push(`training data open: ${{ full: "all", partial: "in part", none: "none" }[row.data]}`);
    const line = make("p", { class: "soft" }, about.join(" · "));
    if (row.link) line.append(about.length ? " · " : "", make("a", { href: row.link, rel: "noreferrer" }, "about the model"));
    if (line.childNodes.length) box.append(line);
    const body = make("tbody");
    for (const cell of row.cells) body.append(...entries(cell));
    const heads = ["Benchmark", "Scores", "Samples", "Published", "Answers", "Measured with", "Record"];
    box.append(make("table", {}, make("thead", {}, make("tr", {},
      ...heads.map((head) => make("th", { scope: "col" }, head)))), body));
    return box;
  }
  function entries(cell) {
    const group = load().groups[cell.group];
    const rank = cell.rank && !group.part ? `rank ${cell.rank[0]} of ${cell.rank[1]}` : "";
    const measured = cell.measured.length ? cell.measured : [null];
    return measured.map(function (each, number) {
      const name = make("th", { scope: "row" }, group.title,
        make("small", {}, `${group.protocol}, ${group.tasks}`), number === 0 && rank ? make("small", { class: "ranked" }, rank) : "");
      return make("tr", {}, name, make("td", {}, ...(each ? scores(each, group) : [])),
        make("td", {}, ...(each ? lines([each.decoding, `${each.samples} samples, n ${each.n}`, each.from]) : [])),
        make("td", {}, ...(number === 0 ? told(cell.published, group) : [])),
        make("td", {}, ...(each ? answers(each) : [])),
        make("td", {}, ...(each ? lines([each.engine, each.jail, each.finished]) : [])),
        make("td", {}, ...(each ? links(each) : [])));
    });
  }
  const lines = (texts) => texts.filter(Boolean).map((text) => make("span", { class: "line" }, text));
  const named = (suite, metric, group) => `${group.suites.length > 1 ? `${suite} ` : ""}${metric}`;
  function scores(each, group) {
    const found = each.scores.map(([suite, metric, value, low, high]) => make("span", { class: "line" },
      `${named(suite, metric, group)} `, make("b", {}, percent(value)), ` (${percent(low)}–${percent(high)})`));
    if (each.sound) {
      for (const [suite, metric, value] of each.sound[1]) found.push(make("span", { class: "line soft" },
        `${named(suite, metric, group)} ${percent(value)} over ${each.sound[0]} sound tasks`));
    }
    return [...found, ...each.cautions.map((caution) => make("span", { class: "line caution" }, `⚠ ${caution}`))];
  }
  function told(published, group) {
    return published.map(([suite, metric, score, source, bars]) => make("span", { class: "line" },
      `${named(suite, metric, group)} `, make("span", { class: "pub" }, percent(score)),
      bars === null ? "" : ` ${bars > 0 ? "+" : ""}${bars.toFixed(1)} bars`, make("small", {}, source)));
  }
  function answers(each) {
    const cut = each.cut_off === null ? "cut off: not known"
      : `${percent(each.cut_off)} % cut off${each.longest ? ` at ${each.longest} tokens` : ""}`;
    return lines([cut, `${percent(each.without_code)} % without code`]);
  }
  function links(each) {
    const path = (text) => text.split("/").map(encodeURIComponent).join("/");
    return [make("a", { href: path(each.record) }, "record"), " ", make("a", { href: `${path(each.run)}/` }, "run"), " ",
      make("a", { href: `${path(each.run)}/report.html` }, "report"), make("small", { class: "mono" }, each.run)];
  }

  // Drawings -----------------------------------------------------------------
  function draw() {
    const { groups, rows: models } = load();
    const place = Number(at("drawn").value);
    const group = groups[place];
    const mark = (found, kind, style) => {
      const element = make(found, { class: kind });
      Object.assign(element.style, style);
      return element;
    };
    const plot = [];
    for (const row of rows) {
      if (row.hidden) continue;
      const model = models[row.dataset.row];
      const cell = model.cells.find((each) => each.group === place);
      if (!cell) continue;
      const spoken = [];
      const lanes = group.suites.map(function (suite) {
        const lane = make("span", { class: "lane" });
        for (const [of, metric, value, low, high] of cell.measured.length ? cell.measured[0].scores : []) {
          if (of !== suite || metric !== group.metric) continue;
          lane.append(mark("i", "", { left: `${100 * low}%`, width: `${100 * (high - low)}%` }),
            mark("u", suite === group.headline ? "lead" : "other", { left: `${100 * value}%` }));
          spoken.push(`${named(suite, metric, group)} ${percent(value)}, from ${percent(low)} to ${percent(high)}`);
        }
        for (const [of, metric, score] of cell.published) {
          if (of !== suite || metric !== group.metric) continue;
          lane.append(mark("s", "", { left: `${100 * score}%` }));
          spoken.push(`${named(suite, metric, group)} ${percent(score)} published`);
        }
        return lane;
      });
      plot.push(make("div", { class: "dots", role: "img", "aria-label": `${model.model}: ${spoken.join("; ")}` },
        make("span", { class: "who" }, model.model), make("span", { class: "track" }, ...lanes)));
    }
    at("plot").replaceChildren(...plot);
    const key = group.suites.flatMap((suite) => [make("span", { class: `mark ${suite === group.headline ? "lead" : "other"}` }), suite]);
    at("key").replaceChildren(...key, make("span", { class: "mark told" }), "published; bar: 95 % interval");
  }

  for (const button of table.tHead.querySelectorAll("button")) {
    button.addEventListener("click", () => sort(button.closest("th")));
  }
  body.addEventListener("click", function (event) {
    const button = event.target.closest("button.open");
    if (button) toggle(button.closest("tr"));
  });
  for (const control of [at("find"), ...origins]) control.addEventListener("input", filter);
  for (const box of columns) box.addEventListener("input", choose);
  at("headlines").addEventListener("click", () => check((box) => box.hasAttribute("data-chosen")));
  at("one").addEventListener("click", () => check((box) => box.hasAttribute("data-lead")));
  if (at("bars")) {
    at("bars").addEventListener("toggle", () => { if (at("bars").open) draw(); });
    at("drawn").addEventListener("input", draw);
  }
  // One column fits a phone.
  if (window.innerWidth < 640) for (const box of columns) box.checked = box.hasAttribute("data-lead");
  filter();
  rank(FIRST + lead);
});
