document.addEventListener("DOMContentLoaded", function () {
  const table = document.getElementById("board");
  const body = table.tBodies[0];
  const find = document.getElementById("find");
  const group = document.getElementById("group");
  const boxes = Array.from(document.querySelectorAll("input[data-origin]"));

  function filter() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    const origins = new Set(boxes.filter((box) => box.checked).map((box) => box.dataset.origin));
    const shown = new Set();
    for (const row of body.rows) {
      const name = row.cells[0].dataset.value;
      const filled = !group.value || Array.from(row.cells).some(
        (cell) => cell.dataset.group === group.value && cell.dataset.value);
      row.hidden = !(filled && origins.has(row.dataset.origin) && words.every((word) => name.includes(word)));
      if (!row.hidden) shown.add(row.dataset.row);
    }
    for (const part of document.querySelectorAll("[data-row], [data-group]")) {
      if (part.parentElement === body) continue;
      const row = part.dataset.row === undefined || shown.has(part.dataset.row);
      const column = part.dataset.group === undefined || !group.value || part.dataset.group === group.value;
      part.toggleAttribute("hidden", !(row && column));
    }
    for (const part of document.querySelectorAll("section")) {
      const figures = Array.from(part.querySelectorAll("figure"));
      part.hidden = figures.length > 0 && figures.every((figure) => figure.hidden);
    }
    document.getElementById("count").textContent = `${shown.size} of ${body.rows.length} rows`;
    document.getElementById("none").hidden = shown.size > 0;
  }

  function sort(heading) {
    const before = heading.getAttribute("aria-sort");
    const numeric = heading.dataset.sort === "number";
    const order = before ? (before === "ascending" ? "descending" : "ascending")
      : (numeric ? "descending" : "ascending");
    for (const other of table.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const place = numeric ? headings.indexOf(heading) + 1 : 0;
    const sign = order === "ascending" ? 1 : -1;
    const rows = Array.from(body.rows);
    rows.sort(function (a, b) {
      const left = a.cells[place].dataset.value, right = b.cells[place].dataset.value;
      if (!numeric) return sign * left.localeCompare(right) || a.dataset.row - b.dataset.row;
      // What is not there stands last, whichever way the rest is sorted.
      if (!left || !right) return (left ? 0 : 1) - (right ? 0 : 1) || a.dataset.row - b.dataset.row;
      return sign * (left - right) || a.dataset.row - b.dataset.row;
    });
    body.append(...rows);
  }

  const headings = Array.from(table.tHead.rows[1].cells);
  for (const button of table.tHead.querySelectorAll("button")) {
    button.addEventListener("click", () => sort(button.closest("th")));
  }
  for (const control of [find, group, ...boxes]) control.addEventListener("input", filter);
  // Columns of one benchmark fit a phone.
  if (window.innerWidth < 640 && group.options.length > 2) group.value = group.dataset.lead;
  filter();
});
