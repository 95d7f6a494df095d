document.addEventListener("DOMContentLoaded", function () {
  const table = document.getElementById("table");
  const rows = Array.from(table.tBodies[0].rows);
  const find = document.getElementById("find");
  const texts = new Map(rows.map((row) => [row, `${row.cells[0].textContent} ${row.cells[1].textContent}`.toLowerCase()]));

  function filter() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) row.hidden = !words.every((word) => texts.get(row).includes(word));
    document.getElementById("count").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} runs`;
  }
  function sort(heading) {
    const up = heading.getAttribute("aria-sort") === "descending"
      || (!heading.hasAttribute("aria-sort") && heading.dataset.sort === "text");
    for (const other of table.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const place = heading.cellIndex;
    const value = (row) => row.cells[place].dataset.value || row.cells[place].textContent;
    rows.sort(function (a, b) {
      const order = heading.dataset.sort === "number" ? value(a) - value(b) : value(a).localeCompare(value(b));
      return up ? order : -order;
    });
    table.tBodies[0].append(...rows);
  }
  for (const button of table.tHead.querySelectorAll("button")) {
    button.addEventListener("click", () => sort(button.closest("th")));
  }
  find.addEventListener("input", filter);
  filter();
});
