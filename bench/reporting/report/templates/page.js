"use strict";

// A cell's value: its number where it has one, else its text.
function valueOf(row, place) {
  const cell = row.cells[place];
  const text = cell.dataset.sort ?? cell.textContent.trim();
  const number = text === "" ? NaN : Number(text);
  return Number.isNaN(number) ? text : number;
}

// Of two numbers, or of two texts.
function compare(one, other) {
  return one < other ? -1 : one > other ? 1 : 0;
}

// Rows without a number in a column of numbers stay last either way.
function sort(table, place, direction) {
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((a, b) => a.dataset.place - b.dataset.place);
  if (direction !== "none") {
    const sign = direction === "ascending" ? 1 : -1;
    const isNumber = (row) => typeof valueOf(row, place) === "number";
    const numbers = rows.filter(isNumber);
    const rest = numbers.length ? rows.filter((row) => !isNumber(row)) : [];
    const sorted = numbers.length ? numbers : rows;
    sorted.sort((a, b) => sign * compare(valueOf(a, place), valueOf(b, place)));
    body.append(...sorted, ...rest);
  } else {
    body.append(...rows);
  }
}

// Numbers show the highest first, texts the alphabet; then the reverse; then as printed.
function next(table, place, now) {
  const first = [...table.tBodies[0].rows].some((row) => typeof valueOf(row, place) === "number");
  const order = first ? ["none", "descending", "ascending"] : ["none", "ascending", "descending"];
  return order[(order.indexOf(now) + 1) % 3];
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tBodies[0].rows].forEach((row, place) => { row.dataset.place = place; });
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, place) => head.querySelector("button").addEventListener("click", () => {
    const direction = next(table, place, head.getAttribute("aria-sort"));
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", direction);
    sort(table, place, direction);
  }));
}

// Paper cannot be opened: all is printed but the runs of the cells, of which what is open is.
let opened = [];

addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not(.cell):not([open])")];
  for (const one of opened) one.open = true;
});

addEventListener("afterprint", () => {
  for (const one of opened) one.open = false;
});

// A link opens the details that it leads to; a cell's "back" returns to the link that was followed.
let came = null;

function open() {
  const target = document.getElementById(location.hash.slice(1));
  if (!(target instanceof HTMLDetailsElement)) return;
  target.open = true;
  const summary = target.querySelector("summary");
  summary.focus({ preventScroll: true });
  target.scrollIntoView();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#cell-']");
  if (link) {
    came = link;
    if (link.hash === location.hash) { event.preventDefault(); open(); }
  }
  if (came && event.target.closest("a.back")) {
    event.preventDefault();
    history.pushState(null, "", "#tables");
    came.focus({ preventScroll: true });
    came.scrollIntoView({ block: "center" });
  }
});
addEventListener("hashchange", open);
open();
