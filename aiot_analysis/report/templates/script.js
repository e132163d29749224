// Themes, and tables that are sorted and searched. Pages can be read without: what needs this script, it makes.
"use strict";
(() => {
  const root = document.documentElement;
  const store = (value) => {
    try { // browsers may keep nothing for files
      return value ? localStorage.setItem("aiotbench-theme", value) : localStorage.getItem("aiotbench-theme");
    } catch { return null; }
  };
  if (["light", "dark"].includes(store())) root.dataset.theme = store(); // before anything is painted

  const make = (tag, facts, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(facts)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  function themes() {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const button = make("button", { type: "button", class: "theme" });
    const tell = () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
      button.textContent = dark ? "Light" : "Dark";
      button.setAttribute("aria-label", dark ? "Light theme" : "Dark theme");
      return dark ? "light" : "dark";
    };
    button.addEventListener("click", () => { store(root.dataset.theme = tell()); tell(); });
    system.addEventListener("change", tell);
    tell();
    document.querySelector("header nav")?.append(button);
  }

  // What a cell says: a number with its unit, a count of others ("3 of 4"), or words. What is missing is null.
  const UNITS = { ns: 1e-9, "µs": 1e-6, us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, kb: 1e3, mb: 1e6, gb: 1e9, "%": 0.01 };
  const NUMBER = /^[✓✗?◇<>≤≥~#\s]*([+\-−]?(?:\d[\d,]*)?\.?\d+(?:e[+-]?\d+)?)\s*(%|[a-zµ]+)?/i;
  function read(cell) {
    const text = (cell?.textContent ?? "").trim();
    if (["", "–", "-", "none", "nan"].includes(text.toLowerCase())) return null;
    const found = NUMBER.exec(text);
    if (!found || /^\d+(\.\d+){2}/.test(text)) return { text, number: NaN }; // versions are no numbers
    const number = Number(found[1].replace("−", "-").replaceAll(",", ""));
    return { text, number: number * (UNITS[(found[2] ?? "").toLowerCase()] ?? 1) };
  }

  function sort(table, place, down) {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row, before) => ({ row, before, value: read(row.cells[place]) }));
    const known = rows.filter((one) => one.value);
    // dates, names like "3 of 4" and ids begin with digits too: numbers are sorted as numbers if all are
    const numbers = known.every((one) => !Number.isNaN(one.value.number));
    const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
    const compare = (a, b) => {
      if (!a.value || !b.value) return (a.value ? 0 : 1) - (b.value ? 0 : 1) || a.before - b.before; // the missing last
      const order = numbers ? a.value.number - b.value.number || words.compare(a.value.text, b.value.text)
        : words.compare(a.value.text, b.value.text);
      return (down ? -order : order) || a.before - b.before;
    };
    body.append(...rows.sort(compare).map((one) => one.row));
  }

  function sortable(table) {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    if (heads.some((head) => head.colSpan > 1)) return;
    heads.forEach((head, place) => {
      if (!head.textContent.trim()) return;
      const button = make("button", { type: "button", class: "sort" }, ...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(table, place, down);
      });
    });
  }

  let searches = 0;
  function searchable(table) {
    const rows = [...table.tBodies[0].rows];
    const id = `search-${++searches}`;
    const field = make("input", { type: "search", id, autocomplete: "off", spellcheck: "false" });
    const count = make("output", { for: id });
    let texts; // read when first needed
    const search = () => {
      texts ??= rows.map((row) => [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase());
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, number) => {
        row.hidden = !words.every((word) => texts[number].includes(word));
        shown += !row.hidden;
      });
      count.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
    };
    field.addEventListener("input", search);
    const box = table.closest(".scroll") ?? table;
    box.before(make("p", { class: "search" }, make("label", { for: id }, "Search this table"), field, count));
  }

  function tables() {
    for (const table of document.querySelectorAll("main table:not(.fixed)")) {
      const rows = table.tHead?.rows.length ? table.tBodies[0]?.rows.length ?? 0 : 0;
      if (rows > 1) sortable(table);
      if (rows > 12) searchable(table);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    themes();
    tables();
    const contents = document.querySelector(".contents details");
    if (contents && matchMedia("(max-width: 85rem)").matches) contents.open = false; // else it is beside the text
    addEventListener("keydown", (event) => {
      const menu = document.querySelector("header details[open]");
      if (event.key !== "Escape" || !menu) return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
})();
