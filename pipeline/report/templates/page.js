"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("scripted");

  const sortRows = (head, index) => {
    const table = head.closest("table");
    const body = table.tBodies[0];
    const down = head.getAttribute("aria-sort") === "ascending";
    const key = (row) => {
      const cell = row.cells[index];
      const given = cell.dataset.order ?? cell.textContent.trim();
      const number = Number(given.replace(/[,%\s]/g, ""));
      return given !== "" && !Number.isNaN(number) ? number : given;
    };
    const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b
      : typeof a === "number" ? -1 : typeof b === "number" ? 1 : a.localeCompare(b));
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort((one, other) => (down ? -1 : 1) * compare(one[0], other[0]));
    body.append(...rows.map((pair) => pair[1]));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  };

  const makeSortable = (scope) => {
    for (const head of scope.querySelectorAll("table.pn-sortable > thead th")) {
      if (head.querySelector("button") || !head.textContent.trim()) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sortRows(head, head.cellIndex));
      head.append(button);
    }
  };

  const applyFilter = (input) => {
    const wanted = input.value.trim().toLowerCase();
    const items = document.getElementById(input.dataset.for)?.children ?? [];
    let shown = 0;
    for (const item of items) {
      const fits = item.dataset.name.toLowerCase().includes(wanted);
      item.classList.toggle("hidden", !fits);
      shown += fits ? 1 : 0;
    }
    input.parentElement.querySelector("output").textContent = `${shown} of ${items.length}`;
  };
  document.addEventListener("input", (event) => {
    if (event.target.matches("input[data-for]")) applyFilter(event.target);
  });

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open]):not(.feature)")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
  });

  const prepare = (scope) => {
    makeSortable(scope);
    for (const input of scope.querySelectorAll("input[data-for]")) applyFilter(input);
  };
  prepare(document);
  window.penstock = { prepare };
})();
