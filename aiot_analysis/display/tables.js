// Tables that are sorted, searched, paged, joined by device and read as cards. They can be read without: what needs
// this script, it makes. Pages and JupyterLab use it; running it again only takes up tables that are new.
"use strict";
(() => {
  if (window.aiotTables) return window.aiotTables();
  const ROWS = 50, CARDS = 10, MOST = 500; // rows shown at once: of a table, as cards, and at most
  const SEARCHED = 12; // tables with more rows can be searched
  const narrow = matchMedia("(max-width: 40rem)");
  const COLLATOR = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const taken = []; // the tables on this page
  const chosen = { visible: null, highlighted: [], hovered: null }; // devices

  const make = (tag, facts, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(facts)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const grouped = (number) => number.toLocaleString("en");

  // What a cell says: a number with its unit, a count of others ("3 of 4"), or words. What is missing is null.
  const UNITS = { ns: 1e-9, "µs": 1e-6, us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, kb: 1e3, mb: 1e6, gb: 1e9, "%": 0.01 };
  const NUMBER = /^[✓✗?◇<>≤≥~#\s]*([+\-−]?(?:\d[\d,]*)?\.?\d+(?:e[+\-−]?\d+)?)\s*(%|[a-zµ]+)?/i;
  function read(cell) {
    const text = cell.trim();
    if (["", "–", "-", "none", "nan"].includes(text.toLowerCase())) return null;
    const found = NUMBER.exec(text);
    if (!found || /^\d+(\.\d+){2}/.test(text)) return { text, number: NaN }; // versions are no numbers
    const number = Number(found[1].replaceAll("−", "-").replaceAll(",", ""));
    return { text, number: number * (UNITS[(found[2] ?? "").toLowerCase()] ?? 1) };
  }

  function inOrder(rows, place, down) {
    const read_ = rows.map((row) => ({ row, value: read(row.texts[place] ?? "") }));
    // dates, names like "3 of 4" and ids begin with digits too: numbers are sorted as numbers if all are
    const numbers = read_.every((one) => !one.value || !Number.isNaN(one.value.number));
    const compare = (a, b) => {
      if (!a.value || !b.value) return (a.value ? 0 : 1) - (b.value ? 0 : 1) || a.row.before - b.row.before; // missing last
      const order = (numbers && a.value.number - b.value.number) || COLLATOR.compare(a.value.text, b.value.text);
      return (down ? -order : order) || a.row.before - b.row.before;
    };
    return read_.sort(compare).map((one) => one.row);
  }

  // Text with `code` in it becomes nodes.
  const nodes = (text) => text.split("`").map((part, place) => (place % 2 ? make("code", {}, part) : part));
  const plain = (cell) => (Array.isArray(cell) ? cell[0] : cell).replaceAll("`", "");

  class Table {
    page = 0;
    whole = false; // whether up to MOST rows are shown at once
    sorted = null; // {place, down}
    words = [];
    seen = 0; // width of the box when it was last laid out
    stale = false;

    constructor(table) {
      this.table = table;
      this.box = table.closest(".scroll") ?? table;
      this.body = table.tBodies[0];
      this.head = table.tHead.rows[table.tHead.rows.length - 1];
      this.headings = [...this.head.cells].map((cell) => cell.textContent.trim());
      this.stored = this.box.querySelector("script.rows");
      this.total = this.body.rows.length + Number(this.stored?.dataset.count ?? 0);
      const simple = [...this.head.cells].every((cell) => cell.colSpan === 1) && this.body.rows.length > 1;
      if (simple) this.sortable();
      if (this.total > SEARCHED) this.searchable(simple);
      if (this.total > CARDS) this.pageable();
      this.body.addEventListener("pointerover", (event) => this.tell(event));
      this.body.addEventListener("focusin", (event) => this.tell(event));
      this.body.addEventListener("pointerleave", () => hover(null));
      this.body.addEventListener("focusout", () => hover(null));
      this.body.addEventListener("keydown", (event) => this.move(event));
      this.reach();
      new ResizeObserver(() => this.resized()).observe(this.box);
      this.box.addEventListener("scroll", () => this.edges(), { passive: true });
    }

    // Every row: those in the page, and those that are stored until they are needed.
    get rows() {
      if (this.known) return this.known;
      this.known = [...this.body.rows].map((element) => ({
        element, device: element.dataset.device ?? "", texts: [...element.cells].map((cell) => cell.textContent),
      }));
      if (this.stored) {
        const { numeric, columns, devices } = JSON.parse(this.stored.textContent);
        const cell = ([distinct, positions], row) => distinct[positions[row]];
        this.numeric = numeric;
        devices[1].forEach((_, row) => {
          const cells = columns.map((column) => cell(column, row));
          this.known.push({ cells, device: cell(devices, row), texts: cells.map(plain) });
        });
      }
      this.known.forEach((row, before) => { row.before = before; });
      return this.known;
    }

    element(row) {
      row.element ??= make("tr", row.device ? { "data-device": row.device } : {}, ...row.cells.map((cell, place) => {
        const [text, kind] = Array.isArray(cell) ? cell : [cell, this.numeric[place] ? "number" : ""];
        return make("td", kind ? { class: kind } : {}, ...nodes(text));
      }));
      return row.element;
    }

    get size() {
      if (this.whole) return MOST;
      return this.table.classList.contains("cards") ? CARDS : this.stored ? ROWS : Infinity;
    }

    matching() {
      const rows = this.sorted ? inOrder(this.rows, this.sorted.place, this.sorted.down) : this.rows;
      if (!this.words.length && !chosen.visible) return rows;
      return rows.filter((row) => {
        if (chosen.visible && row.device && !chosen.visible.has(row.device)) return false;
        if (!this.words.length) return true;
        row.searched ??= row.texts.join(" ").toLowerCase();
        return this.words.every((word) => row.searched.includes(word));
      });
    }

    show() {
      const rows = this.matching();
      const pages = Math.max(1, Math.ceil(rows.length / this.size));
      this.page = Math.max(0, Math.min(this.page, pages - 1));
      const first = pages > 1 ? this.page * this.size : 0;
      const shown = rows.slice(first, first + this.size);
      this.body.replaceChildren(...shown.map((row) => this.element(row)));
      this.report(rows.length, pages, first, shown.length);
      if (this.table.classList.contains("cards")) this.label();
      this.reach();
      this.mark();
      this.edges();
    }

    report(matching, pages, first, shown) {
      const all = matching === this.total;
      if (this.count) this.count.textContent = all ? "" : `${grouped(matching)} of ${grouped(this.total)} rows`;
      if (!this.pager) return;
      const buttons = this.buttons;
      const part = all ? grouped(this.total) : `the ${grouped(matching)} that match, of ${grouped(this.total)}`;
      const range = shown ? `Rows ${grouped(first + 1)} to ${grouped(first + shown)} of ${part}` : `No row of ${grouped(this.total)} matches`;
      this.place.textContent = `page ${grouped(this.page + 1)} of ${grouped(pages)}`;
      buttons.first.disabled = buttons.previous.disabled = this.page === 0;
      buttons.next.disabled = buttons.last.disabled = this.page === pages - 1;
      const once = this.table.classList.contains("cards") ? CARDS : ROWS;
      buttons.all.textContent = this.whole ? `Show ${once} at once` : matching <= MOST ? `Show all ${grouped(matching)}` : `Show ${MOST} at once`;
      this.pager.hidden = pages === 1 && !this.whole;
      this.more.hidden = !this.stored && this.pager.hidden; // short tables say nothing, unless they are paged as cards
      this.range.textContent = this.more.hidden ? "" : range;
    }

    sortable() {
      [...this.head.cells].forEach((head, place) => {
        if (!this.headings[place]) return;
        const button = make("button", { type: "button", class: "sort" }, ...head.childNodes);
        head.append(button);
        button.addEventListener("click", () => this.sort(place, head.getAttribute("aria-sort") === "ascending"));
      });
    }

    sort(place, down) {
      this.sorted = place === null ? null : { place, down };
      [...this.head.cells].forEach((head, at) => {
        if (at === place) head.setAttribute("aria-sort", down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
      if (this.order) this.order.value = place === null ? "" : `${place} ${down}`;
      this.page = 0;
      this.show();
    }

    // The controls stand above the box: a search, and for cards, which show no heading to click, a choice of the order.
    searchable(simple) {
      const id = `search-${taken.length + 1}`;
      const field = make("input", { type: "search", id, autocomplete: "off", spellcheck: "false" });
      this.count = make("output", { for: id });
      const controls = make("div", { class: "search" }, make("label", { for: id }, "Search this table"), field, this.count);
      field.addEventListener("input", () => {
        this.words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
        this.page = 0;
        this.show();
      });
      if (simple) {
        this.order = make("select", {}, make("option", { value: "" }, "as given"));
        this.headings.forEach((heading, place) => {
          if (!heading) return;
          for (const down of [false, true]) {
            this.order.append(make("option", { value: `${place} ${down}` }, `${heading} ${down ? "↓" : "↑"}`));
          }
        });
        this.order.addEventListener("change", () => {
          const [place, down] = this.order.value.split(" ");
          this.sort(place ? Number(place) : null, down === "true");
        });
        controls.append(make("label", { class: "order" }, "Sort by ", this.order));
      }
      this.box.before(controls);
    }

    pageable() {
      this.more = this.box.nextElementSibling?.matches("p.more") ? this.box.nextElementSibling : null;
      if (!this.more) this.box.after(this.more = make("p", { class: "more", hidden: "" }, make("span", { class: "range" })));
      this.range = this.more.querySelector(".range");
      this.range.setAttribute("aria-live", "polite");
      const button = (name, sign, to) => {
        const made = make("button", { type: "button", "aria-label": name, title: name }, sign);
        made.addEventListener("click", () => { this.page = to(); this.show(); this.box.scrollTop = 0; });
        return made;
      };
      this.buttons = {
        first: button("First page", "«", () => 0),
        previous: button("Previous page", "‹", () => this.page - 1),
        next: button("Next page", "›", () => this.page + 1),
        last: button("Last page", "»", () => Infinity),
        all: make("button", { type: "button" }),
      };
      this.buttons.all.addEventListener("click", () => { this.whole = !this.whole; this.page = 0; this.show(); });
      this.place = make("span", {});
      const { first, previous, next, last, all } = this.buttons;
      const name = this.box.getAttribute("aria-label") ?? "this table";
      this.pager = make("div", { class: "pager", role: "group", "aria-label": `Pages of ${name}` }, first, previous, this.place, next, last, all);
      this.more.before(this.pager);
      const once = this.stored ? ROWS : this.total;
      this.report(this.total, Math.ceil(this.total / once), 0, once);
    }

    // Rows of devices: the pointer and the keys Tab, Up and Down tell the rest of the page which one they are at.
    tell(event) {
      hover(event.target.closest("tr")?.dataset.device ?? null);
    }

    reach(row = this.body.querySelector("tr[data-device]")) {
      if (!row) return;
      for (const other of this.body.querySelectorAll("tr[tabindex]")) other.tabIndex = -1;
      row.tabIndex = 0;
    }

    move(event) {
      const row = event.target.closest("tr[tabindex]");
      const way = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
      const to = way && row?.[way];
      if (event.target !== row || !to) return;
      event.preventDefault();
      this.reach(to);
      to.focus();
    }

    mark() {
      for (const row of this.body.rows) {
        const device = row.dataset.device;
        if (!device) continue;
        const highlighted = chosen.highlighted.includes(device);
        row.classList.toggle("highlighted", highlighted);
        row.classList.toggle("hovered", device === chosen.hovered);
        if (highlighted) row.setAttribute("aria-current", "true");
        else row.removeAttribute("aria-current");
      }
    }

    // What is folded waits until it is opened.
    update() {
      this.stale = !this.box.checkVisibility();
      if (!this.stale && (this.stored || this.known || this.body.querySelector("tr[data-device]"))) this.show();
    }

    resized() {
      if (!this.box.checkVisibility()) return;
      const width = this.box.offsetWidth;
      if (width !== this.seen) {
        this.seen = width;
        this.lay();
        if (this.stale) this.update();
      }
      this.edges();
    }

    // On narrow screens a table that is wider than its box becomes cards.
    lay() {
      const classes = this.table.classList, before = classes.contains("cards");
      classes.remove("cards");
      const cards = narrow.matches && this.headings.length > 1 && this.table.scrollWidth > this.box.clientWidth + 1;
      classes.toggle("cards", cards);
      this.box.classList.toggle("of-cards", cards);
      if (cards === before) return;
      if (cards) this.label();
      if (this.total > CARDS) this.show();
    }

    // A display other than that of tables would hide from screen readers that this is one.
    label() {
      const roles = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
      const { table, headings } = this;
      for (const one of [table, ...table.querySelectorAll("thead, tbody, tr, td, th")]) {
        one.setAttribute("role", roles[one.tagName] ?? (one.closest("thead") ? "columnheader" : "rowheader"));
      }
      for (const row of this.body.rows) {
        if (row.cells.length === headings.length) [...row.cells].forEach((cell, place) => { cell.dataset.label = headings[place]; });
      }
    }

    edges() {
      edges(this.box);
    }
  }

  // A box that hides a part of its table at a side says so by its class.
  function edges(box) {
    const rest = box.scrollWidth - box.clientWidth - box.scrollLeft;
    box.classList.toggle("cut-left", box.scrollLeft > 1);
    box.classList.toggle("cut-right", rest > 1);
  }

  function hover(device) {
    if (device === chosen.hovered) return;
    document.dispatchEvent(new CustomEvent("aiot:hover", { detail: { device } }));
  }

  document.addEventListener("aiot:hover", (event) => {
    chosen.hovered = event.detail?.device ?? null;
    for (const one of taken) one.mark();
  });
  document.addEventListener("aiot:devices", (event) => {
    const { visible = null, highlighted = [] } = event.detail ?? {};
    Object.assign(chosen, { visible: visible && new Set(visible), highlighted: [...highlighted] });
    for (const one of taken) one.update();
  });

  window.aiotTables = () => {
    for (const table of document.querySelectorAll("main table:not(.fixed), .aiot-output table")) {
      if (taken.some((one) => one.table === table) || !table.tBodies[0]?.rows.length || !table.tHead?.rows.length) continue;
      taken.push(new Table(table));
    }
    for (const box of document.querySelectorAll("main .scroll")) {
      if (taken.some((one) => one.box === box) || box.dataset.edges) continue;
      box.dataset.edges = "";
      new ResizeObserver(() => edges(box)).observe(box);
      box.addEventListener("scroll", () => edges(box), { passive: true });
    }
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", window.aiotTables);
  else window.aiotTables();
})();
