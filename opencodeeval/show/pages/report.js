document.addEventListener("DOMContentLoaded", function () {
  const PAGE = 100;
  const { make, dot, detail, texts } = samples;
  const store = texts(0);
  const at = (id) => document.getElementById(id);
  const index = JSON.parse(at("index").textContent);
  const wanted = new Set();
  let shown = [];          // places of the tasks that the filters leave
  let page = 0;
  let task = -1, sample = 0;
  let showing = 0, filtering = 0;   // what is loaded late is shown only if it is still wanted

  const verdict = (place, number) => index.letters[index.tasks[place][1][number]];
  const kind = at("kind") || { value: "", addEventListener() {} };
  const kinds = new Map();
  function ofKind(name) {
    if (!kinds.has(name)) kinds.set(name, new Set(index.kinds[name].map((where) => where.join("."))));
    return kinds.get(name);
  }
  const fits = (place, number) => (wanted.size === 0 || wanted.has(verdict(place, number)))
    && (!kind.value || ofKind(kind.value).has(`${place}.${number}`));
  function fitting(place) {
    return Array.from(index.tasks[place][1], (_, number) => number).filter((number) => fits(place, number));
  }

  // The list of tasks -------------------------------------------------------
  async function filter() {
    const mine = ++filtering;
    const low = at("find").value.trim().toLowerCase();
    let found = null;
    if (low) {
      at("count").textContent = "Searching …";
      found = await store.search(low, () => mine === filtering);
      if (mine !== filtering) return;
    }
    shown = index.tasks.map((_, place) => place).filter((place) => fitting(place).length > 0
      && (!low || index.tasks[place][0].toLowerCase().includes(low) || found.has(place)));
    const samples = shown.reduce((sum, place) => sum + fitting(place).length, 0);
    at("count").textContent = shown.length === 0 ? "No sample is left: change the filters."
      : `${shown.length} of ${index.tasks.length} tasks, ${samples} samples`;
    page = Math.max(0, Math.floor(shown.indexOf(task) / PAGE));
    list();
    if (shown.length && !(shown.includes(task) && fits(task, sample))) {
      const place = shown.includes(task) ? task : shown[0];
      show(place, fitting(place)[0]);
    }
    address();
  }
  function list() {
    const entries = shown.slice(page * PAGE, (page + 1) * PAGE).map(function (place) {
      const [id, verdicts] = index.tasks[place];
      const button = make("button", { type: "button", "data-place": place, tabindex: "-1" });
      button.append(make("span", { class: "id", title: id }, id));
      if (verdicts.length === 1) {
        button.prepend(dot(verdict(place, 0)));
        button.append(make("span", { class: "what" }, verdict(place, 0)));
      } else {
        const counts = new Map();
        for (const letter of verdicts) counts.set(letter, (counts.get(letter) || 0) + 1);
        const mini = make("span", { class: "mini", "aria-hidden": "true" });
        for (const letter of Object.keys(index.letters)) if (counts.has(letter)) {
          const part = make("i");
          part.style.flex = counts.get(letter);
          part.style.background = `var(--${index.letters[letter]})`;
          mini.append(part);
        }
        button.append(make("span", { class: "what" }, `${counts.get("p") || 0} of ${verdicts.length} passed`), mini);
      }
      button.addEventListener("click", () => show(place, fitting(place)[0]));
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
    const buttons = Array.from(at("tasks").querySelectorAll("button"));
    for (const button of buttons) {
      const current = Number(button.dataset.place) === task;
      button.toggleAttribute("aria-current", current);
      if (current) button.setAttribute("aria-current", "true");
      button.tabIndex = current ? 0 : -1;
    }
    if (buttons.length && !buttons.some((button) => button.tabIndex === 0)) buttons[0].tabIndex = 0;
  }
  at("tasks").addEventListener("keydown", function (event) {
    const buttons = Array.from(at("tasks").querySelectorAll("button"));
    const here = buttons.indexOf(document.activeElement);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined || !buttons[to]) return;
    event.preventDefault();
    buttons[to].focus();
    buttons[to].click();
  });

  // One sample --------------------------------------------------------------
  function show(place, number) {
    task = place;
    sample = number;
    const [id, verdicts] = index.tasks[place];
    const mine = ++showing;
    const fill = (content) => at("detail").replaceChildren(...detail(content.samples[number], content.prompt));
    const content = store.ready(place);
    if (content) fill(content);
    else store.load(place).then(function (late) { if (mine === showing) fill(late); });
    at("sample-title").textContent = verdicts.length > 1 ? `${id}, sample ${number}` : id;
    at("chips").replaceChildren(...(verdicts.length > 1 ? fitting(place).map(function (each) {
      const chip = make("button", { type: "button", "aria-pressed": String(each === number),
        "aria-label": `sample ${each}, ${verdict(place, each)}` }, dot(verdict(place, each)), String(each));
      chip.addEventListener("click", function () { show(place, each); focusChip(); });
      return chip;
    }) : []));
    at("spoken").textContent = `${id}, sample ${number}: ${verdict(place, number)}`;
    at("previous").disabled = step(-1) === null;
    at("next").disabled = step(1) === null;
    mark();
    address();
  }

  // The address has the sample and the filters, so that a link shows the same ----------
  function address() {
    const filters = new URLSearchParams();
    if (wanted.size) filters.set("verdict", Array.from(wanted).join(","));
    if (kind.value) filters.set("kind", kind.value);
    if (at("find").value.trim()) filters.set("text", at("find").value.trim());
    const text = filters.toString();
    history.replaceState(null, "", `#${task}.${sample}${text ? `&${text}` : ""}`);
  }
  async function restore() {
    const [first, ...rest] = location.hash.slice(1).split("&");
    const filters = new URLSearchParams(rest.join("&"));
    const verdicts = new Set((filters.get("verdict") || "").split(","));
    wanted.clear();
    for (const button of at("verdicts").querySelectorAll("button")) {
      const on = verdicts.has(button.dataset.verdict);
      button.setAttribute("aria-pressed", String(on));
      if (on) wanted.add(button.dataset.verdict);
    }
    kind.value = Object.hasOwn(index.kinds, filters.get("kind")) ? filters.get("kind") : "";
    at("find").value = filters.get("text") || "";
    const linked = /^(\d+)\.(\d+)$/.exec(first);
    const known = linked && index.tasks[linked[1]] && index.tasks[linked[1]][1][linked[2]];
    task = known ? Number(linked[1]) : -1;
    sample = known ? Number(linked[2]) : 0;
    const there = known && fits(task, sample);
    const [place, number] = [task, sample];
    await filter();
    if (there && shown.includes(place)) show(place, number);
  }
  function focusChip() {
    const chip = at("chips").querySelector('[aria-pressed="true"]');
    if (chip) chip.focus();
  }
  function step(by) {
    const here = fitting(task);
    const next = here[here.indexOf(sample) + by];
    if (next !== undefined && here.includes(sample)) return [task, next];
    const place = shown[shown.indexOf(task) + by];
    if (place === undefined) return null;
    const there = fitting(place);
    return [place, there[by > 0 ? 0 : there.length - 1]];
  }
  function go(by) {
    const to = step(by);
    if (!to) return;
    show(...to);
    const wantedPage = Math.floor(shown.indexOf(task) / PAGE);
    if (wantedPage !== page) { page = wantedPage; list(); }
    const current = at("tasks").querySelector("[aria-current]");
    if (current) current.scrollIntoView({ block: "nearest" });
  }

  at("previous").addEventListener("click", () => go(-1));
  at("next").addEventListener("click", () => go(1));
  at("before").addEventListener("click", function () { page -= 1; list(); });
  at("after").addEventListener("click", function () { page += 1; list(); });
  for (const button of at("verdicts").querySelectorAll("button")) {
    button.addEventListener("click", function () {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      if (on) wanted.add(button.dataset.verdict); else wanted.delete(button.dataset.verdict);
      filter();
    });
  }
  kind.addEventListener("input", filter);
  let waiting = 0;
  at("find").addEventListener("input", function () {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 150);
  });
  window.addEventListener("hashchange", restore);
  restore();
});
