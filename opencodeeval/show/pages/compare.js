document.addEventListener("DOMContentLoaded", function () {
  const { make, dot, detail, folded, texts } = samples;
  const PAGE = 100;
  const SIDES = ["A", "B"];
  const at = (id) => document.getElementById(id);
  const index = JSON.parse(at("index").textContent);
  const chosen = at("benchmark") || { value: "0", addEventListener() {} };
  // Which tasks: the counts are of correct samples, and shares are compared where they differ in n.
  const WHICH = {
    changed: ["changed", (a, b) => a !== b], lost: ["lost by B", (a, b) => b < a],
    gained: ["gained by B", (a, b) => b > a], both: ["solved by both", (a, b) => a > 0 && b > 0],
    neither: ["solved by neither", (a, b) => a === 0 && b === 0], all: ["all", () => true],
  };
  const stores = index.benchmarks.map((_, place) => texts(place));
  let shown = [], page = 0, task = -1, numbers = [0, 0];
  let showing = 0, filtering = 0;   // what is loaded late is shown only if it is still wanted

  const tasks = () => index.benchmarks[chosen.value].tasks;
  const share = (place, side) => tasks()[place][3 + side][0] / tasks()[place][3 + side][1];
  const is = (which, place) => WHICH[which][1](share(place, 0), share(place, 1));
  const store = () => stores[chosen.value];
  const verdict = (place, side, number) => index.letters[tasks()[place][1 + side][number]];
  function counted(place, side) {
    const [correct, all] = tasks()[place][3 + side];
    return all === 1 ? verdict(place, side, 0) : `${correct} of ${all}`;
  }

  // The list of tasks -------------------------------------------------------
  function options() {
    const places = tasks().map((_, place) => place);
    const before = at("which").value;
    at("which").replaceChildren(...Object.entries(WHICH).map(([value, [words]]) =>
      make("option", { value }, `${words} (${places.filter((place) => is(value, place)).length})`)));
    at("which").value = before || (places.some((place) => is("changed", place)) ? "changed" : "all");
  }
  async function filter() {
    const mine = ++filtering;
    const low = at("find").value.trim().toLowerCase();
    let found = null;
    if (low) {
      at("count").textContent = "Searching …";
      found = await store().search(low, () => mine === filtering);
      if (mine !== filtering) return;
    }
    shown = tasks().map((_, place) => place).filter((place) => is(at("which").value, place)
      && (!low || tasks()[place][0].toLowerCase().includes(low) || found.has(place)));
    at("count").textContent = shown.length ? `${shown.length} of ${tasks().length} tasks`
      : "No task is left: change the filters.";
    page = Math.max(0, Math.floor(shown.indexOf(task) / PAGE));
    list();
    if (shown.length && !shown.includes(task)) show(shown[0], [0, 0]);
    address();
  }
  function list() {
    const entries = shown.slice(page * PAGE, (page + 1) * PAGE).map(function (place) {
      const change = is("lost", place) ? "lost" : (is("gained", place) ? "gained" : "");
      const button = make("button", { type: "button", "data-place": place }, make("span", { class: "id", title: tasks()[place][0] }, tasks()[place][0]),
        make("span", { class: `what ${change}` }, `${counted(place, 0)} → ${counted(place, 1)}`));
      button.addEventListener("click", () => show(place, [0, 0]));
      return make("li", {}, button);
    });
    at("tasks").replaceChildren(...entries);
    const pages = Math.ceil(shown.length / PAGE);
    at("turn").hidden = pages < 2;
    at("page").textContent = `${page + 1} of ${pages}`;
    at("before").disabled = page === 0;
    at("after").disabled = page >= pages - 1;
    mark();
  }
  function mark() {
    for (const button of at("tasks").querySelectorAll("button")) {
      if (Number(button.dataset.place) === task) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  // One task ----------------------------------------------------------------
  function fill(content) {
    at("prompt").replaceChildren(...content.prompts.map((prompt, side) => prompt
      ? folded(content.prompts.length > 1 ? `Prompt of ${SIDES[side]}` : "Prompt", prompt) : ""));
    SIDES.forEach(function (name, side) {
      at(`detail-${name}`).replaceChildren(...detail(content.sides[side][numbers[side]]));
    });
  }
  function show(place, which) {
    task = place;
    numbers = which;
    const [id] = tasks()[place];
    const mine = ++showing;
    const content = store().ready(place);
    if (content) fill(content);
    else store().load(place).then(function (late) { if (mine === showing) fill(late); });
    at("task-title").textContent = id;
    SIDES.forEach(function (name, side) {
      const [, ...verdicts] = tasks()[place];
      at(`score-${name}`).textContent = counted(place, side);
      at(`chips-${name}`).replaceChildren(...(verdicts[side].length > 1 ? Array.from(verdicts[side], function (_, number) {
        const chip = make("button", { type: "button", "aria-pressed": String(number === numbers[side]),
          "aria-label": `sample ${number} of ${name}, ${verdict(place, side, number)}` }, dot(verdict(place, side, number)), String(number));
        chip.addEventListener("click", function () {
          show(place, side ? [numbers[0], number] : [number, numbers[1]]);
          at(`chips-${name}`).querySelector('[aria-pressed="true"]').focus();
        });
        return chip;
      }) : []));
    });
    at("spoken").textContent = `${id}: A ${counted(place, 0)}, B ${counted(place, 1)}`;
    const here = shown.indexOf(place);
    at("previous").disabled = here <= 0;
    at("next").disabled = here < 0 || here === shown.length - 1;
    mark();
    address();
  }
  function go(by) {
    const place = shown[shown.indexOf(task) + by];
    if (place === undefined) return;
    show(place, [0, 0]);
    const wanted = Math.floor(shown.indexOf(place) / PAGE);
    if (wanted !== page) { page = wanted; list(); }
  }
  function address() {
    const filters = new URLSearchParams({ which: at("which").value });
    if (at("find").value.trim()) filters.set("text", at("find").value.trim());
    history.replaceState(null, "", `#${chosen.value}.${task}.${numbers.join(".")}&${filters}`);
  }
  async function restore() {
    const [first, ...rest] = location.hash.slice(1).split("&");
    const filters = new URLSearchParams(rest.join("&"));
    const where = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(first);
    const [, benchmark, place, ...samplesOf] = where ? where.map(Number) : [];
    const known = where && index.benchmarks[benchmark] && index.benchmarks[benchmark].tasks[place]
      && samplesOf.every((number, side) => index.benchmarks[benchmark].tasks[place][1 + side][number]);
    if (known) chosen.value = String(benchmark);
    options();
    if (WHICH[filters.get("which")]) at("which").value = filters.get("which");
    at("find").value = filters.get("text") || "";
    task = known ? place : -1;
    await filter();
    if (known && shown.includes(place)) show(place, samplesOf);
  }

  at("previous").addEventListener("click", () => go(-1));
  at("next").addEventListener("click", () => go(1));
  at("before").addEventListener("click", function () { page -= 1; list(); });
  at("after").addEventListener("click", function () { page += 1; list(); });
  chosen.addEventListener("input", function () { task = -1; options(); filter(); });
  at("which").addEventListener("input", filter);
  let waiting = 0;
  at("find").addEventListener("input", function () {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 150);
  });
  window.addEventListener("hashchange", restore);
  restore();
});
